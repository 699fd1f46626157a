"""The money of a batch: one hold for all of it, settled line by line, and the rest given back.

The work of this module is synchronous. Every method may be repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.budgets import Budget, Hold, Position, Scope
from shared.domain.budgets.lines import (
    MOST_LINES,
    LinesFound,
    SettledLine,
    Source,
    settling_lines,
)
from shared.domain.budgets.movements import ABANDON
from shared.domain.errors import StoreUnavailable
from shared.domain.rollups import SETTLING_SECONDS
from shared.domain.usage_rows import epoch, hour_before, hour_end, moment_of
from shared.ports.calls import Meter
from shared.ports.ledger import BatchLedger
from shared.usecases.batches.pace import Pace

_TRIES: Final = 80
_FIRST_PAUSE_SECONDS: Final = 0.004
_LONGEST_PAUSE_SECONDS: Final = 0.2


class BatchMoney:
    """Settles lines of holds, each line once, and gives back what no line needed."""

    def __init__(
        self,
        ledger: BatchLedger,
        clock: Clock,
        meter: Meter,
        pause: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._meter = meter
        self._pause = pause
        self._jitter = jitter
        self._pace = Pace(clock, pause)

    def settle(self, hold: Hold, lines: Sequence[SettledLine]) -> list[SettledLine]:
        """Settle lines that have ended, and return those; raises ``StoreUnavailable``.

        Those that were settled before, in whatever company, are left as they are.
        """
        settled: list[SettledLine] = []
        if lines:
            self._reopen_rollups(hold, lines)
        for start in range(0, len(lines), MOST_LINES):
            some = list(lines[start : start + MOST_LINES])
            self._pace.wait(f"{hold.entry.team}/{hold.day}", len(some))
            settled += self._settle_together(hold, some)
        return settled

    def release(self, hold: Hold) -> None:
        """Give back what is still held once every line has its end; raises ``StoreUnavailable``."""
        budgets: dict[Scope, Budget] = {}
        for number in range(_TRIES):
            self._rest(number)
            standing = self._ledger.standing_hold(hold)
            if standing is None:
                return
            found = self._ledger.end(standing, None, ABANDON, _position(budgets))
            if found is None:
                return
            budgets |= found.budgets
        raise StoreUnavailable("ledger")

    def _settle_together(self, hold: Hold, lines: list[SettledLine]) -> list[SettledLine]:
        seen = LinesFound("hold", frozenset())
        for number in range(_TRIES):
            self._rest(number)
            lines = [line for line in lines if line.entry.request_id not in seen.written]
            if not lines:
                return []
            if seen.source == "gone":
                self._lament(hold, lines)
                return []
            now, source = self._clock(), seen.source
            found = self._ledger.settle_lines(hold, lines, source, seen.budgets, now)
            if found is None:
                self._tell_doubt(source, lines)
                return lines
            seen = found
        raise StoreUnavailable("ledger")

    def _tell_doubt(self, source: Source, lines: Sequence[SettledLine]) -> None:
        if doubt := settling_lines(source, lines).doubt:
            self._meter.charged(doubt)

    def _lament(self, hold: Hold, lines: Sequence[SettledLine]) -> None:
        """Say that lines cost what nobody held: a defect, or a hand in the ledger."""
        cost = sum(line.settlement.cost_nano for line in lines)
        request_id = hold.entry.request_id
        self._meter.trouble("unsettled", request_id=request_id, cost_nano=cost)

    def _reopen_rollups(self, hold: Hold, lines: Sequence[SettledLine]) -> None:
        """Before rows are written after their hour, have the hour added up anew."""
        now = self._clock()
        hours = {hold.day + moment_of(line.entry.opened_at)[10:13] for line in lines}
        late = {hour for hour in hours if now >= epoch(hour_end(hour))}
        if late:
            asked = sorted(late | {hour_before(hour) for hour in late})
            self._ledger.reopen(hold.entry.team, asked, int(now) + SETTLING_SECONDS)

    def _rest(self, number: int) -> None:
        if number:
            longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(number, 10))
            self._pause(longest * self._jitter())


def _position(budgets: dict[Scope, Budget]) -> Position:
    return replace(Position(), budgets=budgets)
