"""What stands in whose way: a batch in a lane, an account over its limit, one that is poison."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.jobs.lines import BatchProgress, Line, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchAnswerLost, BatchNotTaken, BatchRefused
from shared.domain.jobs.times import JobTimes
from shared.usecases.crashes import Crashed
from shared.usecases.jobs import ending, tending
from tests.deferral import BATCH_COST, HOUR, completion
from tests.unit.jobs.world import World


def states(world: World) -> list[str]:
    return [batch.state for batch in world.jobs.open_batches()]


def test_an_account_over_its_limit_rests_and_no_line_is_blamed_for_it() -> None:
    world = World()
    jobs = [world.accept() for _ in range(3)]
    progress, limited = world.provider.progress, list[float]()

    def over(batch: ProviderBatch) -> BatchProgress:
        if len(limited) == 4:
            return progress(batch)
        limited.append(world.now)
        del world.provider.created[batch.provider_batch or ""]
        return BatchProgress(True, failed_because="limit", is_for_now=True)

    world.provider.progress = over  # type: ignore[method-assign]
    world.pass_time(3 * HOUR)
    assert [(world.job(job).state, world.job(job).tries) for job in jobs] == [("done", 0)] * 3
    pauses = [later - before for before, later in pairwise(limited)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 2 * pauses[0]
    assert (world.held(), world.spent()) == (0, 3 * BATCH_COST)


def test_a_batch_that_is_looked_for_keeps_no_other_from_being_sent() -> None:
    world = World()
    first = world.accept()
    world.provider.failing["create"] = BatchAnswerLost("silent")
    world.pass_time(1_000)
    assert states(world) == ["submitting"]
    second = world.accept(hours=3)
    world.pass_time(960)
    assert world.job(second).batch != world.job(first).batch
    assert sorted(states(world)) == ["submitted", "submitting"]


def test_a_create_that_is_never_answered_ends_in_halves() -> None:
    world = World()
    jobs = [world.accept() for _ in range(2)]
    tries = list[str]()

    def silent(batch: ProviderBatch, _: Any) -> str:
        tries.append(batch.id)
        raise BatchAnswerLost("silent")

    world.provider.create = silent  # type: ignore[method-assign, assignment]
    world.pass_time(2 * HOUR)
    assert len(tries) > 3
    assert tries[:3] == tries[:1] * 3 != [tries[3]] * 3
    assert world.job(jobs[0]).company == 1


@pytest.mark.parametrize("state", ["claiming", "intent", "aborting"])
def test_jobs_are_called_in_time_though_nobody_can_go_on_with_their_batch(state: str) -> None:
    world = World()
    job = world.accept(hours=1)
    submitter: Any = world.process.machinery.submitter
    if state == "aborting":
        world.provider.failing["create"] = BatchRefused("no")
        submitter._sending._give_back = _poison
    elif state == "intent":
        world.provider.failing["upload"] = BatchNotTaken("full", 60.0)
    else:
        submitter._files.write_lines = _after_claiming
    with pytest.raises(Crashed) if state != "intent" else nullcontext():
        world.pass_time(500)
    submitter._has_gone_on = lambda *_: False
    assert states(world) == [state]
    assert world.job(job).state == "assigned"
    world.pass_time(HOUR - 500)
    assert world.job(job).state == "done"
    submitter = world.another().machinery.submitter
    submitter.run("openai")
    assert (world.held(), states(world)) == (0, [])


def test_one_batch_that_is_poison_is_told_and_keeps_no_other_from_being_collected() -> None:
    world = World()
    jobs = [world.accept(hours=hours) for hours in (24, 3)]
    world.pass_time(1_000)
    poisoned = world.job(jobs[0]).batch
    progress = world.provider.progress

    def poison(batch: ProviderBatch) -> BatchProgress:
        if batch.id == poisoned:
            raise RuntimeError("what a caller said")
        return progress(batch)

    world.provider.progress = poison  # type: ignore[method-assign]
    world.now += 700
    with pytest.raises(Crashed) as told:
        world.tick()
    assert [world.job(job).state for job in jobs] == ["assigned", "done"]
    assert "said" not in str(told.value)
    assert [facts["batch"] for what, facts in world.meter.troubles if what == "crash"] == [poisoned]


def test_results_that_are_cut_after_some_were_written_down_are_told_and_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "SETTLED_TOGETHER", 3)
    world = World()
    for _ in range(3 * 21):
        world.accept()
    world.pass_time(960)
    results = world.provider.results

    def cut(batch: ProviderBatch) -> Any:
        for number, result in enumerate(results(batch)):
            if number == 3 * 20 + 2:
                raise BatchAnswerLost("cut off")
            yield result

    world.provider.results = cut  # type: ignore[method-assign]
    world.now += 700
    world.tick()
    [batch] = world.jobs.open_batches()
    assert world.troubles() == ["batch_unread"]
    assert (batch.leased_until, batch.poll_at > world.now) == (0.0, True)


def test_a_job_that_was_cancelled_after_it_was_bound_keeps_no_hold() -> None:
    world = World(answering=lambda _: LineResult("", "succeeded", completion()))
    job = world.accept()
    submitter: Any = world.process.machinery.submitter
    write = submitter._files.write_lines
    submitter._files.write_lines = _after_claiming
    with pytest.raises(Crashed):
        world.pass_time(960)
    assert states(world) == ["claiming"]
    world.process.operator.cancel("search", job.id)
    submitter._files.write_lines = write
    world.pass_time(HOUR)
    assert world.job(job).state == "failed"
    assert (world.held(), states(world)) == (0, [])


def test_nothing_long_is_begun_with_too_little_time_left() -> None:
    world = World()
    job = world.accept()
    world.now += 1_000
    world.process.machinery.tick(world.now + 299)
    assert (world.job(job).state, world.provider.created) == ("queued", {})
    world.process.machinery.tick(world.now + 301)
    assert world.job(job).state == "assigned"


def _poison(*_: object) -> None:
    raise RuntimeError


def _after_claiming(_: ProviderBatch, claimed: Sequence[Line]) -> None:
    list(claimed)
    raise OSError(28, "No space left on device")


def test_a_message_for_which_there_is_no_time_is_sent_anew_and_is_not_counted_as_failed() -> None:
    world = World()
    job = world.accept(hours=0.4)
    world.queue.sent.clear()
    handle = world.process.machinery.dispatcher.handle
    assert asyncio.run(handle([("search", job.id)], world.now + 300)) == []
    assert world.queue.sent == [("search", job.id)]
    assert world.job(job).state == "queued"
    world.queue.is_down = True
    assert asyncio.run(handle([("search", job.id)], world.now + 300)) == [("search", job.id)]


def test_no_more_messages_are_sent_again_than_calls_can_be_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tending, "_FEWEST_NUDGED", 1)
    world = World(times=JobTimes(calls_a_second=3 / 120))
    for _ in range(8):
        world.accept(hours=0.4)
    sent = []
    for _ in range(6):
        world.queue.sent.clear()
        world.now += 61
        world.tick()
        sent.append(len(world.queue.sent))
    assert sent == [0, 3, 0, 3, 0, 3]
