"""Has hours added up anew that get rows long after they are over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.clock import Clock
from shared.domain.budgets import Hold
from shared.domain.rollups import SETTLING_SECONDS
from shared.domain.usage_rows import epoch, hour_before, hour_end, moment_of
from shared.ports.ledger import Ledger

_AHEAD_SECONDS: Final = 3_600.0
"""An hour that stays open for so long is not opened again before each line."""


class LateRows:
    """Opens an hour once for all the lines that are settled into it within a while."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._open: dict[tuple[str, str], float] = {}

    def expect(self, holds: Iterable[Hold]) -> None:
        """Open the hours of holds that are about to be settled; raises ``StoreUnavailable``."""
        now = self._clock()
        wanted = {(hold.entry.team, hour_of(hold)) for hold in holds}
        for team, hour in sorted(wanted):
            is_over = now >= epoch(hour_end(hour))
            if is_over and self._open.get((team, hour), 0.0) < now + _AHEAD_SECONDS:
                until = int(now) + SETTLING_SECONDS
                self._ledger.reopen(team, [hour, hour_before(hour)], until)
                self._open[team, hour] = until


def hour_of(hold: Hold) -> str:
    """Return the hour that the row of a hold's call stands in."""
    return hold.day + moment_of(hold.entry.opened_at)[10:13]
