"""What usage adds up to between two moments: closed hours and days as stored, the rest from rows.

A period is *closed* when no row of it can arrive or change any more: some hours after its end,
or as many after whoever writes late has opened it again. Whoever first asks for a closed period
rebuilds it from its rows and stores it; a use case on a schedule asks for yesterday, so that
others seldom have to. What cannot be stored costs a later reader time and this one nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.rollups import NEVER_STORED, SETTLING_SECONDS, Cells, Rollup, added
from shared.domain.tally import Tally, Total
from shared.domain.usage_rows import (
    UsageRow,
    day_after,
    days_between,
    epoch,
    hour_end,
    hour_start,
    hours_of,
    moment_of,
    start_of,
)
from shared.ports.ledger import UsageLedger


class UsageReader:
    """Adds usage up. Raises ``StoreUnavailable``. The work is synchronous: run it in a thread."""

    def __init__(self, ledger: UsageLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def cells(self, team: str, since: str, until: str) -> Cells:
        """Return what a team's usage adds up to from a moment on and before another one."""
        until = min(until, start_of(day_after(day_after(moment_of(self._clock())[:10]))))
        days = days_between(since, until)
        if not days:
            return {}
        stored = self._ledger.days(team, days[0], days[-1])
        return added(
            self._of_day(team, day, since, until, stored.get(day, NEVER_STORED)) for day in days
        )

    def roll_up(self, day: str, teams: Iterable[str] | None = None) -> list[str]:
        """Store the hours and the day of every team as far as they are closed; returns the teams.

        May be interrupted and done again. Meant for a schedule, for the day before.
        """
        named = self._ledger.teams() if teams is None else list(teams)
        for team in named:
            self.cells(team, start_of(day), start_of(day_after(day)))
        return named

    def _of_day(self, team: str, day: str, since: str, until: str, stored: Rollup) -> Cells:
        is_whole = since <= start_of(day) and until >= start_of(day_after(day))
        if is_whole and stored.cells is not None:
            return stored.cells
        hours = [h for h in hours_of(day) if hour_end(h) > since and hour_start(h) < until]
        found = list(self._of_hours(_Wanted(team, day, since, until), hours))
        total = added(found)
        if is_whole and self._is_closed(start_of(day_after(day)), stored):
            self._store(team, day, total, stored)
        return total

    def _of_hours(self, wanted: _Wanted, hours: Sequence[str]) -> Iterator[Cells]:
        stored = self._ledger.hours(wanted.team, wanted.day)
        read: list[str] = []
        for hour in hours:
            rollup = stored.get(hour, NEVER_STORED)
            if rollup.cells is not None and wanted.holds(hour):
                yield rollup.cells
            else:
                read.append(hour)
        if read:
            yield from self._rebuilt(wanted, read, stored)

    def _rebuilt(
        self, wanted: _Wanted, hours: Sequence[str], stored: Mapping[str, Rollup]
    ) -> Iterator[Cells]:
        """Add the rows of some hours up, store those of closed hours, and yield what is wanted."""
        tally = Tally(self._ledger.feedback(wanted.team, wanted.day))
        totals = {hour: _HourTotal(wanted, hour) for hour in hours}
        for row in self._rows(wanted, hours):
            total = totals.get(row.hour)
            tally.add(row, *(total.taking(row) if total else ()))
        for total in totals.values():
            if not total.has_rows:
                continue
            rollup = stored.get(total.hour, NEVER_STORED)
            if self._is_closed(hour_end(total.hour), rollup):
                self._store(wanted.team, total.hour, total.whole, rollup)
            yield total.wanted

    def _rows(self, wanted: _Wanted, hours: Sequence[str]) -> Iterator[UsageRow]:
        """Yield the rows from the first hour to the one after the last, which judges them."""
        team, end = wanted.team, hour_end(hours[-1])
        if end[:10] == wanted.day:
            yield from self._ledger.usage_rows(team, hour_start(hours[0]), hour_end(end[:13]))
            return
        yield from self._ledger.usage_rows(team, hour_start(hours[0]), end)
        yield from self._ledger.usage_rows(team, end, hour_end(end[:13]))

    def _is_closed(self, end: str, rollup: Rollup) -> bool:
        now = self._clock()
        return now >= epoch(end) + SETTLING_SECONDS and now >= rollup.open_until

    def _store(self, team: str, period: str, cells: Cells, seen: Rollup) -> None:
        with suppress(StoreUnavailable):  # the adapter has reported it
            self._ledger.close(team, period, cells, seen.revision)


@dataclass(frozen=True)
class _Wanted:
    """A part of a team's day, by moments."""

    team: str
    day: str
    since: str
    until: str

    def holds(self, hour: str) -> bool:
        """Whether all of an hour is wanted."""
        return self.since <= hour_start(hour) and hour_end(hour) <= self.until


class _HourTotal:
    """What an hour adds up to, and what the part of it does that is wanted."""

    def __init__(self, wanted: _Wanted, hour: str) -> None:
        self.hour = hour
        self.whole: Total = {}
        self.wanted: Total = self.whole if wanted.holds(hour) else {}
        self.has_rows = False
        self._bounds = wanted

    def taking(self, row: UsageRow) -> tuple[Total, ...]:
        """Return what a row of the hour is added to."""
        self.has_rows = True
        if self.wanted is self.whole or not self._bounds.since <= row.moment < self._bounds.until:
            return (self.whole,)
        return self.whole, self.wanted
