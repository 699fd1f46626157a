"""Callers' batches under chance: overlapping pollers, faults at every call, a moody provider."""

from __future__ import annotations

import pytest

from tests.simulation.caller_batches.plans import plan_of
from tests.simulation.caller_batches.world import BatchWorld
from tests.simulation.faults import EVERY_FAULT
from tests.simulation.in_parallel import Outcome, spread

SEEDS = 48
LONG_SEEDS = 1_500

COMES_TO_PASS = {
    "completed", "cancelled", "expired", "cancelled by its caller", "messages",
    "line: batch_cancelled", "line: batch_expired", "line: model_not_found",
    "line: upstream_failed", "line: invalid_request", "told: idempotency_conflict",
    "told: store_unavailable", "batch_failed", "batch_not_taken", "lane_lost",
}  # fmt: skip


def run_seeds(seeds: list[int]) -> Outcome:
    outcome = Outcome()
    for seed in seeds:
        world = BatchWorld(plan_of(seed))
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


@pytest.mark.timeout(600)
def test_no_seed_loses_a_line_or_money(outcome: Outcome) -> None:
    assert outcome.worlds == SEEDS
    assert outcome.broken[:1] == []


@pytest.mark.timeout(600)
def test_the_seeds_go_through_everything_that_can_come_to_pass(outcome: Outcome) -> None:
    wanted = COMES_TO_PASS | {fault.name for fault in EVERY_FAULT}
    assert wanted - outcome.noticed.keys() == set()


def test_a_seed_goes_the_same_way_again() -> None:
    first, again = (BatchWorld(plan_of(7)).run() for _ in range(2))
    assert first.trace.steps == again.trace.steps


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_seeds_lose_nothing() -> None:
    long = spread(run_seeds, range(LONG_SEEDS))
    assert long.worlds == LONG_SEEDS
    assert long.broken[:1] == []
