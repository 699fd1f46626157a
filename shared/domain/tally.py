"""Usage rows added up as they come, in the order of their moments.

That an answer was of no use may show only later, when its caller asks the same again. Until it is
too late for that, what it takes to call it a failure is kept of an answer, and nothing of any other
row. Nor of what came by way of a batch: who asks the same again soon after it was asked has not
seen an answer. So the fifty thousand rows of a batch, which have one moment, take little memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.rollups import Cell, Sums
from shared.domain.success import RETRY_SECONDS, Verdict, verdict
from shared.domain.usage_rows import Feedback, UsageRow, hour_after

Total = dict[Cell, Sums]
"""Cells that rows are being added to."""
_Question = tuple[str, str]

_TAKEN_BACK: Final[Mapping[Verdict, Sums]] = {
    "success": Sums(successes=-1, failures=1),
    "unknown": Sums(unknown=-1, failures=1),
}


class Tally:
    """Adds rows up; ``given`` is what callers said of them, by request id."""

    def __init__(self, given: Mapping[str, Feedback]) -> None:
        self._given = given
        self._answers: dict[_Question, list[_Answer]] = {}
        self._forgotten_at = 0.0

    def add(self, row: UsageRow, *totals: Total) -> None:
        """Add a row to some totals; to none where it only tells of the rows before it.

        Counting tokens is no call of a model, and free: it has no part in any total.
        """
        question = _question(row)
        if question is not None and row.entry.cache != "hit":
            self._judge_anew(question, row)
        self._forget(row.entry.opened_at)
        if totals and row.entry.door != "count_tokens":
            self._count(question, row, totals)

    def _count(self, question: _Question | None, row: UsageRow, totals: tuple[Total, ...]) -> None:
        said = self._given.get(row.entry.request_id)
        judged = verdict(row, said, asked_again=False)
        cell, sums = _cell(row), _sums(row, judged)
        for total in totals:
            _add(total, cell, sums)
        if question is not None and judged != verdict(row, said, asked_again=True):
            answer = _Answer(_ended(row), row.hour, judged, cell, totals)
            self._answers.setdefault(question, []).append(answer)

    def _judge_anew(self, question: _Question, row: UsageRow) -> None:
        standing = self._answers.pop(question, [])
        left = [answer for answer in standing if not answer.is_asked_again_by(row)]
        for answer in standing:
            if answer not in left:
                answer.fail()
        if left:
            self._answers[question] = left

    def _forget(self, now: float) -> None:
        """Forget whom it is too late to ask again, now and then."""
        if now < self._forgotten_at + RETRY_SECONDS:
            return
        self._forgotten_at = now
        for question, answers in list(self._answers.items()):
            if all(answer.ended + RETRY_SECONDS < now for answer in answers):
                del self._answers[question]


@dataclass(eq=False, slots=True)
class _Answer:
    """What is kept of an answer: when it ended, its hour, and where it was counted as what."""

    ended: float
    hour: str
    judged: Verdict
    cell: Cell
    totals: tuple[Total, ...]

    def is_asked_again_by(self, row: UsageRow) -> bool:
        """Whether a row asks the same right after; no hour is judged by more than the next one."""
        is_soon = self.ended < row.entry.opened_at <= self.ended + RETRY_SECONDS
        return is_soon and row.hour in {self.hour, hour_after(self.hour)}

    def fail(self) -> None:
        """Count it as a failure after all."""
        for total in self.totals:
            _add(total, self.cell, _TAKEN_BACK[self.judged])


def _question(row: UsageRow) -> _Question | None:
    """Return what is the same where the same caller asks the same."""
    entry = row.entry
    if entry.request_digest is None or row.settlement.outcome == "expired":
        return None
    return entry.key_id, entry.request_digest


def _ended(row: UsageRow) -> float:
    return row.entry.opened_at + row.settlement.milliseconds / 1000


def _cell(row: UsageRow) -> Cell:
    entry = row.entry
    return Cell(entry.key_id, entry.feature, entry.model, entry.tier, entry.task)


def _sums(row: UsageRow, judged: Verdict) -> Sums:
    settled = row.settlement
    return Sums(
        requests=1,
        successes=int(judged == "success"),
        failures=int(judged == "failure"),
        unknown=int(judged == "unknown"),
        cost_nano=settled.cost_nano,
        baseline_nano=settled.baseline_nano,
        aws_nano=settled.aws_nano,
        levers=settled.levers,
        tokens=settled.tokens,
    )


def _add(total: Total, cell: Cell, sums: Sums) -> None:
    total[cell] = total[cell] + sums if cell in total else sums
