"""Deferred calls under chance: overlapping processes, faults at every call, a moody provider."""

from __future__ import annotations

import pytest

from tests.simulation.deferred.plans import plan_of
from tests.simulation.deferred.world import World
from tests.simulation.faults import EVERY_FAULT
from tests.simulation.in_parallel import Outcome, spread

pytestmark = pytest.mark.timeout(900)

SEEDS = range(100, 300)
LONG_SEEDS = 1_000

COMES_TO_PASS = {
    "answered by a batch", "answered by a call", "answered by the cache", "messages",
    "failed: upstream_failed", "failed: invalid_request", "failed: upstream_timed_out",
    "job_never_accepted", "job_promoted", "call_lost", "lane_lost", "batch_answer_lost",
    "batch_not_taken", "batch_refused", "batch_failed", "batch_unread", "unsent",
    "failed: job_cancelled",
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
    return spread(run_seeds, SEEDS)


def test_no_seed_loses_a_job_or_money(outcome: Outcome) -> None:
    assert outcome.worlds == len(SEEDS)
    assert outcome.broken[:1] == []


def test_the_seeds_go_through_everything_that_can_come_to_pass(outcome: Outcome) -> None:
    wanted = COMES_TO_PASS | {fault.name for fault in EVERY_FAULT}
    assert wanted - outcome.noticed.keys() == set()


def test_a_seed_goes_the_same_way_again() -> None:
    first, again = (World(plan_of(7)).run() for _ in range(2))
    assert first.trace.steps == again.trace.steps


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_thousand_seeds_lose_nothing() -> None:
    long = spread(run_seeds, range(LONG_SEEDS))
    assert long.worlds == LONG_SEEDS
    assert long.broken[:1] == []
