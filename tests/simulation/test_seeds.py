"""Seeds: callers, sweepers and an operator at once, with faults, skewed clocks and turning days."""

from __future__ import annotations

import pytest

from tests.simulation.faults import EVERY_FAULT
from tests.simulation.in_parallel import Outcome, spread
from tests.simulation.plans import plan_of
from tests.simulation.world import World

pytestmark = pytest.mark.timeout(900)

SEEDS = 300
LONG_SEEDS = 10_000

COMES_TO_PASS = {
    "BudgetExceeded", "BudgetFrozen", "CallTooDear", "KeyLimited", "Roll", "DropRaise", "recut",
    "move_room", "settle", "settle_late", "expire", "abandon",
}  # fmt: skip


def run_seeds(seeds: list[int]) -> Outcome:
    outcome = Outcome()
    for seed in seeds:
        world = World(plan_of(seed))
        try:
            world.run()
        except AssertionError as error:
            outcome.broken.append(str(error))
        outcome.worlds += 1
        outcome.noticed += world.trace.noticed
    return outcome


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return spread(run_seeds, range(SEEDS))


def test_no_seed_breaks_a_rule(outcome: Outcome) -> None:
    assert outcome.worlds == SEEDS
    assert outcome.broken[:1] == []


def test_the_seeds_go_through_everything_that_can_come_to_pass(outcome: Outcome) -> None:
    wanted = COMES_TO_PASS | {fault.name for fault in EVERY_FAULT}
    assert wanted - outcome.noticed.keys() == set()


def test_a_seed_goes_the_same_way_again() -> None:
    first, again = (World(plan_of(7)).run() for _ in range(2))
    assert first.trace.steps == again.trace.steps


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_seeds_break_no_rule() -> None:
    long = spread(run_seeds, range(LONG_SEEDS))
    assert long.worlds == LONG_SEEDS
    assert long.broken[:1] == []
