"""A line whose end crashes whoever takes it: its batch ends without it, and it is charged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.jobs.lines import Line, LineResult
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.setting_aside import may_set_aside
from shared.domain.prices import TokenCounts
from shared.usecases.batches import batch_lines, given_up
from shared.usecases.batches.batch_lines import BatchLines
from shared.usecases.crashes import Crashed
from shared.usecases.jobs import ending
from shared.usecases.jobs.answers import NOT_TAKEN, Answer, Answers
from shared.usecases.jobs.ending import Ending
from shared.usecases.jobs.job_lines import JobLines
from tests.deferral import BATCH_COST, HOUR, NOON
from tests.unit.batches import world as callers
from tests.unit.jobs.world import World

_of = Answers.of


def poison(monkeypatch: pytest.MonkeyPatch, *poisoned: str, times: int = 1_000) -> list[str]:
    """Let the answers of requests crash so many times; returns the crashes."""
    crashes: list[str] = []

    def of(self: Answers, line: Line, result: LineResult, asked: Any) -> Answer:
        if line.entry.request_id in poisoned and len(crashes) < times:
            crashes.append(line.entry.request_id)
            raise RuntimeError("poison")
        return _of(self, line, result, asked)

    monkeypatch.setattr(Answers, "of", of)
    return crashes


def pass_time(world: World | callers.World, seconds: float) -> None:
    until = world.now + seconds
    while world.now < until:
        with suppress(Crashed):
            world.pass_time(60)


def test_a_line_that_crashes_time_and_again_is_set_aside_and_the_others_are_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    jobs = [world.accept() for _ in range(4)]
    poison(monkeypatch, jobs[2].entry.request_id)
    pass_time(world, 1_800)
    states = [world.job(job).state for job in jobs]
    assert [states[0], states[1], states[3]] == ["done"] * 3, "they do not wait for it"
    assert states[2] == "assigned"
    pass_time(world, 900)
    failed = world.job(jobs[2])
    assert (failed.state, failed.error) == ("failed", NOT_TAKEN)
    most = jobs[2].hold.nano if jobs[2].hold else 0
    assert (world.held(), world.spent()) == (0, 3 * BATCH_COST + most)
    assert world.costs().count((1, "expired", most)) == 1, "in doubt, and in full"
    assert sum(budget.day.doubt for budget in world.ledger.budgets.values()) == 3 * most
    assert world.meter.charges == [most], "the metrics know"
    assert world.troubles().count("line_set_aside") == 1
    assert world.jobs.open_batches() == []
    assert world.provider.discarded == [], "what was answered is left where it can be found"


def test_a_line_that_crashed_twice_is_settled_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    jobs = [world.accept() for _ in range(2)]
    poison(monkeypatch, jobs[0].entry.request_id, times=4)
    pass_time(world, 3_600)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert world.spent() == 2 * BATCH_COST
    assert "line_set_aside" not in world.troubles()
    assert world.provider.discarded == list(world.provider.created)


@pytest.mark.parametrize("crashing", [4, 2])
def test_a_bad_release_costs_no_answer_that_was_paid(
    crashing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    jobs = [world.accept() for _ in range(4)]
    with monkeypatch.context() as bad:
        poison(bad, *(job.entry.request_id for job in jobs[:crashing]))
        pass_time(world, 4 * HOUR)
        assert [world.job(job).state for job in jobs[:crashing]] == ["assigned"] * crashing
    assert world.troubles()[-1] == "crash", "it is told to the last"
    pass_time(world, 1_200)
    assert [world.job(job).state for job in jobs] == ["done"] * 4
    assert (world.held(), world.spent()) == (0, 4 * BATCH_COST)
    assert "line_set_aside" not in world.troubles()
    assert world.provider.discarded == list(world.provider.created)


def test_calls_are_made_in_time_though_the_ends_of_all_lines_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    jobs = [world.accept(hours=3) for _ in range(4)]
    poison(monkeypatch, *(job.entry.request_id for job in jobs))
    monkeypatch.setattr(ending, "SETTLED_TOGETHER", 1)
    monkeypatch.setattr(Ending, "_ends", _slowly(world, Ending._ends))
    while world.now < NOON + 3 * HOUR:
        world.now += 60
        world.deliver()
        with suppress(Crashed):
            world.process.machinery.tick(world.now + 301)
    assert [world.job(job).state for job in jobs] == ["done"] * 4
    assert world.troubles().count("job_promoted") == 4
    [batch] = world.jobs.open_batches()
    assert batch.poll_at > world.now, "meanwhile other batches have their turn"


def _slowly(world: World, ends: Any) -> Any:
    """Let the time of a run be over before it is through."""

    def _ends(self: Ending, *args: Any) -> Any:
        for each in ends(self, *args):
            world.now += 151
            yield each

    return _ends


def test_a_batch_ends_though_nothing_at_all_can_be_done_for_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    jobs = [world.accept() for _ in range(2)]
    poison(monkeypatch, jobs[0].entry.request_id)
    monkeypatch.setattr(JobLines, "set_aside", None)
    pass_time(world, 3_600)
    assert world.jobs.open_batches() == []
    assert world.job(jobs[1]).state == "done"
    assert world.held() > 0, "it expires by itself, and is charged in full"


@pytest.mark.parametrize(
    "broken", [(), ("_by_caller",), ("_keep",)], ids=["none", "both", "the record"]
)
def test_a_line_of_a_callers_batch_is_set_aside_too(
    broken: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = callers.World()
    batch = world.create(callers.line("a"), callers.line("b"))
    poison_b(monkeypatch)
    crash_at(monkeypatch, *broken)
    pass_time(world, 3_600)
    assert world.batch(batch).status == "completed"
    assert set(world.output(batch)) == {"a"}
    assert world.errors(batch)["b"]["response"]["body"]["error"]["code"] == NOT_TAKEN.code
    row = next(row for row in world.ledger.rows.values() if row.outcome == "expired")
    assert (row.usage_source, row.tokens) == ("held", TokenCounts())
    assert (world.held(), world.spent()) == (0, BATCH_COST + row.cost_nano)
    doubts = {budget.day.doubt for budget in world.ledger.budgets.values() if budget.day.doubt}
    assert doubts == {row.cost_nano}
    assert world.meter.charges == [row.cost_nano], "the metrics know"
    assert world.batch(batch).money.cost == world.spent()


def test_the_hold_of_a_batch_stands_where_a_line_can_be_charged_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = callers.World()
    batch = world.create(callers.line("a"), callers.line("b"))
    poison_b(monkeypatch)
    monkeypatch.setattr(batch_lines, "charged_in_full", None)
    monkeypatch.setattr(given_up, "charged_in_full", None)
    pass_time(world, 3_600)
    assert set(world.output(batch)) == {"a"}
    assert world.spent() == BATCH_COST
    assert world.held() > 0, "it expires by itself, and is charged in full"


def poison_b(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the answer of line b of a caller's batch crash."""

    def of(self: Answers, line: Line, result: LineResult, asked: Any) -> Answer:
        if line.id.endswith("/b"):
            raise RuntimeError("poison")
        return _of(self, line, result, asked)

    monkeypatch.setattr(Answers, "of", of)


def crash_at(monkeypatch: pytest.MonkeyPatch, *steps: str) -> None:
    """Let a step crash while a line is set aside."""

    def aside(self: BatchLines, batch: ProviderBatch, line: Line) -> None:
        with monkeypatch.context() as bad:
            for step in steps:
                bad.setattr(BatchLines, step, None)
            set_aside(self, batch, line)

    set_aside = BatchLines.set_aside
    monkeypatch.setattr(BatchLines, "set_aside", aside)


BATCH = ProviderBatch(
    id="bat_1",
    provider="openai",
    model="m",
    state="submitted",
    created_at=NOON,
    lines=100,
    size=1,
    first_deadline=NOON + 24 * HOUR,
    submitted_at=NOON,
    crashes=3,
)


@pytest.mark.parametrize(
    ("lines", "crashed", "beside", "crashes", "days", "is_given_up"),
    [
        (100, 5, 95, 3, 0, True),
        (100, 6, 94, 3, 0, False),
        (100, 5, 95, 2, 0, False),
        (100, 1, 1, 3, 0, True),
        (100, 1, 0, 99, 27.9, False),
        (100, 100, 0, 99, 27.9, False),
        (100, 100, 0, 99, 28, True),
        (1, 1, 0, 99, 2.9, False),
        (1, 1, 0, 99, 3, True),
        (1, 1, 0, 2, 3, False),
    ],
)
def test_lines_are_given_up_only_where_the_code_cannot_be_at_fault(
    lines: int, crashed: int, beside: int, crashes: int, days: float, is_given_up: bool
) -> None:
    batch = replace(BATCH, lines=lines, beside=beside, crashes=crashes)
    assert may_set_aside(batch, crashed, NOON + days * 24 * HOUR) is is_given_up
