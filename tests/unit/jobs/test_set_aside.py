"""A line whose end crashes whoever takes it: its batch ends without it, and it is charged."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from shared.domain.jobs.lines import Line, LineResult
from shared.domain.prices import TokenCounts
from shared.usecases.crashes import Crashed
from shared.usecases.jobs.answers import NOT_TAKEN, Answer, Answers
from shared.usecases.jobs.job_lines import JobLines
from tests.deferral import BATCH_COST
from tests.unit.batches import world as callers
from tests.unit.jobs.world import World

_of = Answers.of


def poison(monkeypatch: pytest.MonkeyPatch, poisoned: str, times: int = 1_000) -> list[str]:
    """Let the answer of a request crash so many times; returns the crashes."""
    crashes: list[str] = []

    def of(self: Answers, line: Line, result: LineResult, asked: Any) -> Answer:
        if line.entry.request_id == poisoned and len(crashes) < times:
            crashes.append(poisoned)
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


def test_a_line_of_a_callers_batch_is_set_aside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = callers.World()
    batch = world.create(callers.line("a"), callers.line("b"))
    lines: list[str] = []

    def of(self: Answers, line: Line, result: LineResult, asked: Any) -> Answer:
        if line.id.endswith("/b"):
            lines.append(line.id)
            raise RuntimeError("poison")
        return _of(self, line, result, asked)

    monkeypatch.setattr(Answers, "of", of)
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
