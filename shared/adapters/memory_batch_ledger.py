"""Holds of many lines in memory, for tests; the contract suite runs on DynamoDB's as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.adapters.memory_ledger import MemoryLedger, moved
from shared.domain.budgets import Budget, Hold, Scope
from shared.domain.budgets.lines import (
    LinesFound,
    SettledLine,
    Source,
    held_for,
    settling_lines,
    spent_by,
)


class MemoryBatchLedger(MemoryLedger):
    """Implements ``BatchLedger`` in one process."""

    def settle_lines(
        self,
        hold: Hold,
        lines: Sequence[SettledLine],
        source: Source,
        budgets: Mapping[Scope, Budget],
        at: float,
    ) -> LinesFound | None:
        """Settle all of the lines, or none."""
        self._called("settle_lines")
        held = held_for(lines)
        places = {(line.entry.request_id, line.entry.attempt) for line in lines}
        written = frozenset(place[0] for place in places & self.rows.keys())
        stands = self._may_take(hold, source, held)
        if written or not stands:
            following: Source = "expired" if source == "hold" else "gone"
            return LinesFound(source if stands else following, written, budgets)
        self._take(hold, source, held)
        for line in lines:
            self.book(line.entry, line.settlement, hold.day)
            self.book_late(line.entry, spent_by(source, line), at)
        movement = settling_lines(source, lines)
        for scope in hold.scopes:
            budget = self.budgets[scope]
            self.budgets[scope] = moved(budget, movement, hold.periods_in(budget))
        return None

    def standing_hold(self, hold: Hold) -> Hold | None:
        """Return the hold."""
        self._called("standing_hold")
        return self.holds.get((hold.entry.request_id, hold.entry.attempt))

    def _may_take(self, hold: Hold, source: Source, held: int) -> bool:
        place = (hold.entry.request_id, hold.entry.attempt)
        if source == "hold":
            return place in self.holds and self.holds[place].nano >= held
        row = self.rows.get(place)
        return row is not None and row.outcome == "expired" and row.cost_nano >= held

    def _take(self, hold: Hold, source: Source, held: int) -> None:
        place = (hold.entry.request_id, hold.entry.attempt)
        if source == "hold":
            standing = self.holds[place]
            self.holds[place] = replace(standing, nano=standing.nano - held)
            return
        row = self.rows[place]
        self.rows[place] = replace(
            row, cost_nano=row.cost_nano - held, baseline_nano=row.baseline_nano - held
        )
