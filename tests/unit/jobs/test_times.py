"""By when a batch is left: many lines need more time to be called than a few."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.jobs.times import JobTimes
from tests.deferral import FULL_COST, HOUR, NOON
from tests.unit.jobs.world import World

TIMES = JobTimes()
LINES = st.integers(1, 50_000)
HAS = st.floats(TIMES.shortest_batch * 7 / 8, 7 * 24 * HOUR)
"""Seconds from a plan to the nearest deadline: an eighth was waited for company."""


@given(LINES, HAS)
def test_three_quarters_of_the_time_are_the_batchs_own(lines: int, has: float) -> None:
    early = TIMES.early(lines, NOON, NOON + has)
    left = TIMES.cancel_at(NOON + has, early) - NOON
    assert left >= (TIMES.cancel_at(NOON + has) - NOON) * 3 / 4 - 1e-3 > 0


@given(LINES, HAS)
def test_what_is_called_at_the_last_moment_is_called_before_the_deadline(
    lines: int, has: float
) -> None:
    deadline = NOON + has
    early = TIMES.early(lines, NOON, deadline)
    needed = lines / TIMES.calls_a_second
    if early == needed:
        assert TIMES.call_at(deadline, early) + needed <= deadline - TIMES.call_before + 1e-3


@given(LINES, HAS)
def test_what_a_cancelled_batch_gives_back_joins_no_other_with_the_same_deadline(
    lines: int, has: float
) -> None:
    deadline = NOON + has
    early = TIMES.early(lines, NOON, deadline)
    assert not TIMES.is_for_batch(TIMES.cancel_at(deadline, early), deadline, early)
    assert TIMES.cancel_at(deadline, early) < TIMES.call_at(deadline, early)


def test_a_few_lines_are_left_in_their_batch_to_the_end() -> None:
    assert TIMES.early(20, NOON, NOON + 2 * HOUR) == 10


@pytest.mark.parametrize("is_early", [True, False])
def test_a_large_batch_that_never_ends_is_called_in_time_where_calls_are_slow(
    is_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_early:
        monkeypatch.setattr(JobTimes, "early", lambda *_: 0.0)
    world = World(lasts=1e9, times=JobTimes(calls_a_second=0.05))
    world.provider.cancelling = 1e9
    jobs = [world.accept(hours=5) for _ in range(100)]
    handle = world.process.machinery.dispatcher.handle
    while world.now < NOON + 5 * HOUR:
        world.now += 60
        waiting = [place for place in world.queue.sent if world.jobs.jobs[place].state == "queued"]
        asyncio.run(handle(waiting[:3]))
        world.queue.sent = waiting[3:]
        world.tick()
    assert len(world.provider.created) == 1, "none joins another batch"
    states = [world.job(job).state for job in jobs]
    if is_early:
        assert states == ["done"] * 100
        assert world.spent() == 100 * FULL_COST
    else:
        assert states.count("failed") > 30, "calls would come too late"
