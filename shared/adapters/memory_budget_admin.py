"""The operator's view of the ledger in memory, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.adapters.memory_ledger import MemoryLedger
from shared.clock import utc
from shared.domain.budgets import Budget, Counter, Period
from shared.domain.budgets.booked import Booked
from shared.domain.budgets.changes import AuditRow


class MemoryBudgetAdmin:
    """Implements ``BudgetAdmin`` over a ledger in memory.

    A row counts for the day on which its call began; across midnight DynamoDB's knows better.
    """

    def __init__(self, ledger: MemoryLedger, teams: Sequence[str] = ()) -> None:
        self._ledger = ledger
        self.known_teams = list(teams)
        self.rows: list[AuditRow] = []

    def teams(self) -> list[str]:
        """Return the teams it was told of."""
        return list(self.known_teams)

    def budgets_of(self, team: str) -> list[Budget]:
        """Return the team's budgets."""
        return [each for each in self._ledger.budgets.values() if each.scope.team == team]

    def change(self, seen: Sequence[Budget], after: Sequence[Budget], row: AuditRow) -> bool:
        """Replace all pieces if all are as seen."""
        if any(known.row_id == row.row_id for known in self.rows):
            return True
        standing = [self._ledger.budgets[piece.scope] for piece in seen]
        if any(_facts(now) != _facts(then) for now, then in zip(standing, seen, strict=True)):
            return False
        for now, changed in zip(standing, after, strict=True):
            self._ledger.budgets[now.scope] = _changed(now, changed)
        self.rows.append(row)
        return True

    def audit_rows(self, month: str) -> list[AuditRow]:
        """Return the month's rows."""
        found = [row for row in self.rows if f"{utc(row.at):%Y-%m}" == month]
        return sorted(found, key=lambda row: (row.at, row.row_id))

    def booked(self, team: str, day: str) -> Iterator[Booked]:
        """Yield the rows of calls that began on the day."""
        for place, entry in self._ledger.entries.items():
            if entry.team == team and f"{utc(entry.opened_at):%Y-%m-%d}" == day:
                settled = self._ledger.rows[place]
                is_late = place in self._ledger.late
                yield Booked(entry.key_id, settled.outcome, settled.cost_nano, is_late)

    def settled_late(self, team: str, day: str) -> int:
        """Add up what was moved on the day."""
        return sum(
            nano
            for entry, nano, at in self._ledger.late_money
            if entry.team == team and f"{utc(at):%Y-%m-%d}" == day
        )


def _facts(budget: Budget) -> tuple[int, str, int, int]:
    return budget.terms, budget.day.label, budget.day.cap, budget.month.cap


def _changed(now: Budget, after: Budget) -> Budget:
    """Return the changed budget with what was spent and held since it was decided."""
    day, month = (_moved(now, after, period) for period, _ in now.counters)
    return replace(now, day=day, month=month, terms=after.terms, on_limit=after.on_limit,
                   ladder=after.ladder, frozen_because=after.frozen_because)  # fmt: skip


def _moved(now: Budget, after: Budget, period: Period) -> Counter:
    standing, changed = now.counter(period), after.counter(period)
    return replace(
        standing,
        cap=changed.cap,
        raised=changed.raised,
        raised_until=changed.raised_until,
        avail=standing.avail + changed.limit - standing.limit,
    )
