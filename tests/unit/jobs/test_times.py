"""By when a batch is left: many lines need more time to be called than a few."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.jobs.times import JobTimes
from shared.settings import WorkerSettings
from shared.usecases.jobs.submitting import Submitter
from shared.wiring.workers import worker_times
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


@given(st.lists(st.tuples(st.integers(1, 5_000), st.floats(2 * HOUR, 30 * HOUR)), max_size=8))
def test_no_two_batches_are_called_at_once_unless_there_is_no_time_for_both(
    batches: list[tuple[int, float]],
) -> None:
    taken: list[tuple[float, float]] = []
    for lines, has in batches:
        deadline = NOON + has
        early = TIMES.early(lines, NOON, deadline, taken)
        start, end = TIMES.calls(lines, deadline, early)
        is_cut = early == (TIMES.cancel_at(deadline) - NOON) / TIMES.early_share
        assert is_cut or end <= TIMES.call_at(deadline) + 1e-3
        for other_start, other_end in taken:
            assert is_cut or end <= other_start + 1e-3 or start >= other_end - 1e-3
        taken.append((start, end))


def test_a_batch_that_is_alone_in_its_hour_is_not_early_for_others() -> None:
    deadline = NOON + 10 * HOUR
    others = [TIMES.calls(3_000, NOON + hours * HOUR, 1_500) for hours in (8, 12)]
    assert TIMES.early(3_000, NOON, deadline, others) == 1_500
    assert TIMES.early(3_000, NOON, deadline + 2 * HOUR, others) == 3_000


@pytest.mark.parametrize(("dispatchers", "calls"), [(5, 2.0), (50, 20.0)])
def test_more_dispatchers_make_more_calls_a_second(dispatchers: int, calls: float) -> None:
    settings = WorkerSettings(
        environment="dev",
        cache_table="c",
        ledger_table="l",
        jobs_table="j",
        batches_bucket="b",
        jobs_queue="q",
        providers=("openai",),
        provider_secrets={},
        baseline_model="gpt-6-astra",
        policy_version="p",
        dispatcher_concurrency=dispatchers,
    )
    assert worker_times(settings) == JobTimes(calls_a_second=calls)


@pytest.mark.parametrize("is_early", [True, False])
def test_a_large_batch_that_never_ends_is_called_in_time_where_calls_are_slow(
    is_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_early:
        monkeypatch.setattr(JobTimes, "early", lambda *_: 0.0)
    world = World(lasts=1e9, times=JobTimes(calls_a_second=0.05))
    world.provider.cancelling = 1e9
    jobs = [world.accept(hours=5) for _ in range(100)]
    call_slowly(world, NOON + 5 * HOUR)
    assert len(world.provider.created) == 1, "none joins another batch"
    states = [world.job(job).state for job in jobs]
    if is_early:
        assert states == ["done"] * 100
        assert world.spent() == 100 * FULL_COST
    else:
        assert states.count("failed") > 30, "calls would come too late"


@pytest.mark.parametrize("are_reckoned_with", [True, False])
def test_two_large_batches_with_one_deadline_are_both_called_in_time(
    are_reckoned_with: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not are_reckoned_with:
        monkeypatch.setattr(Submitter, "_calls", lambda *_: (0.0, 0.0))
    world = World(lasts=1e9, times=JobTimes(calls_a_second=0.05))
    world.provider.cancelling = 1e9
    first = [world.accept(hours=5) for _ in range(60)]
    call_slowly(world, NOON + HOUR / 2)
    second = [world.accept(hours=4.5) for _ in range(60)]
    call_slowly(world, NOON + 5 * HOUR)
    assert len(world.provider.created) == 2
    states = [world.job(job).state for job in (*first, *second)]
    if are_reckoned_with:
        assert states == ["done"] * 120
    else:
        assert states.count("failed") > 20, "calls would come too late"


def call_slowly(world: World, until: float) -> None:
    """Let time pass in which three calls a minute can be made."""
    handle = world.process.machinery.dispatcher.handle
    while world.now < until:
        world.now += 60
        waiting = [place for place in world.queue.sent if world.jobs.jobs[place].state == "queued"]
        asyncio.run(handle(waiting[:3]))
        world.queue.sent = waiting[3:]
        world.tick()
