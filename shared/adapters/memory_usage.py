"""Usage rows, feedback and rollups in memory, for tests: the same promises as DynamoDB's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shared.domain.entries import Entry, Settlement
from shared.domain.errors import StoreUnavailable
from shared.domain.rollups import NEVER_STORED, Cells, Rollup
from shared.domain.usage_rows import Feedback, UsageRow

Place = tuple[str, int]


class MemoryUsage:
    """Implements ``UsageLedger`` in one process.

    ``down`` holds the names of methods that fail as if the table could not be reached; ``rows``
    the usage rows by request and attempt, ``booked`` the day of each, ``late`` when those were
    settled that were settled late; ``late_money`` is what each late settlement moved.
    """

    def __init__(self, calls: list[str] | None = None) -> None:
        self.entries: dict[Place, Entry] = {}
        self.rows: dict[Place, Settlement] = {}
        self.booked: dict[Place, str] = {}
        self.late: dict[Place, float] = {}
        self.late_money: list[tuple[Entry, int, float]] = []
        self.given: dict[tuple[str, str], dict[str, Feedback]] = {}
        self.rollups: dict[tuple[str, str], Rollup] = {}
        self.known_teams: set[str] = set()
        self.calls: list[str] = [] if calls is None else calls
        self.down: set[str] = set()

    def book(self, entry: Entry, settlement: Settlement, day: str) -> None:
        """Write a usage row."""
        place = (entry.request_id, entry.attempt)
        self.entries[place], self.rows[place], self.booked[place] = entry, settlement, day

    def book_late(self, entry: Entry, nano: int, at: float) -> None:
        """Write down what a late settlement moved."""
        self.late[entry.request_id, entry.attempt] = at
        self.late_money.append((entry, nano, at))

    def usage_rows(self, team: str, since: str, until: str) -> Iterator[UsageRow]:
        """Yield the rows between two moments of a day."""
        self._called("usage_rows")
        found = [
            UsageRow(entry, self.rows[place], self.booked[place])
            for place, entry in self.entries.items()
            if entry.team == team and self.booked[place] == since[:10]
        ]
        between = (row for row in found if since <= row.moment < until)
        return iter(sorted(between, key=lambda row: row.moment))

    def feedback(self, team: str, day: str) -> dict[str, Feedback]:
        """Return what was said."""
        self._called("feedback")
        return dict(self.given.get((team, day), {}))

    def give_feedback(self, team: str, day: str, feedback: Feedback) -> None:
        """Remember it unless something was said later."""
        self._called("give_feedback")
        known = self.given.setdefault((team, day), {})
        standing = known.get(feedback.request_id, feedback)
        if standing.given_at <= feedback.given_at:
            known[feedback.request_id] = feedback

    def hours(self, team: str, day: str) -> dict[str, Rollup]:
        """Return what is stored of the hours of a day."""
        self._called("hours")
        return self._rollups(team, f"{day}T00", f"{day}T23")

    def days(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        """Return what is stored of days."""
        self._called("days")
        return self._rollups(team, first, last)

    def close(self, team: str, period: str, cells: Cells, revision: int) -> None:
        """Store the cells if the rollup is as seen."""
        self._called("close")
        standing = self.rollups.get((team, period), NEVER_STORED)
        if standing.revision == revision:
            self.rollups[team, period] = replace(standing, cells=cells)

    def reopen(self, team: str, hours: Iterable[str], until: int) -> None:
        """Take the cells away."""
        self._called("reopen")
        named = set(hours)
        for period in named | {hour[:10] for hour in named}:
            standing = self.rollups.get((team, period), NEVER_STORED)
            self.rollups[team, period] = Rollup(None, standing.revision + 1, until)

    def teams(self) -> list[str]:
        """Return the teams that are known."""
        self._called("teams")
        return sorted(self.known_teams)

    def _rollups(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        return {
            period: rollup
            for (owner, period), rollup in self.rollups.items()
            if owner == team and len(period) == len(first) and first <= period <= last
        }

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.down:
            raise StoreUnavailable("store")
