"""Usage rows as they are read back, what callers said of them, and where they stand in time.

A row stands in the day whose budget paid for it, at the time of day at which its call was opened.
Its *moment* is both together, ``2026-11-22T09:30:00.000000``; moments compare as texts. A call
that was opened just before midnight and booked into the new day stands at the end of that day, so
that the rows of a day always are what the budgets of the day say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from shared.domain.entries import Entry, Settlement

_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.%f"
FIRST_TIME: Final = "00:00:00.000000"


@dataclass(frozen=True)
class UsageRow:
    """One settled attempt, booked into a UTC day."""

    entry: Entry
    settlement: Settlement
    day: str

    @property
    def moment(self) -> str:
        """Where the row stands."""
        return f"{self.day}T{_utc(self.entry.opened_at):%H:%M:%S.%f}"

    @property
    def hour(self) -> str:
        """The hour that the row stands in: ``2026-11-22T09``."""
        return self.moment[:13]


@dataclass(frozen=True)
class Feedback:
    """What a caller said of an answer, without a word of what it should have been.

    ``score`` is in thousandths. ``corrected`` tells that the caller had a better answer.
    """

    request_id: str
    outcome: Literal["success", "failure"]
    given_at: float
    score: int | None = None
    corrected: bool = False


def moment_of(at: float) -> str:
    """Return the moment of an epoch second."""
    return _utc(at).strftime(_MOMENT)


def epoch(moment: str) -> float:
    """Return the epoch second of a moment."""
    return datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC).timestamp()


def start_of(day: str) -> str:
    """Return a day's first moment."""
    return f"{day}T{FIRST_TIME}"


def hours_of(day: str) -> list[str]:
    """Return the hours of a day: ``2026-11-22T00`` to ``2026-11-22T23``."""
    return [f"{day}T{hour:02d}" for hour in range(24)]


def hour_start(hour: str) -> str:
    """Return an hour's first moment."""
    return f"{hour}:00:00.000000"


def hour_end(hour: str) -> str:
    """Return the first moment after an hour."""
    return moment_of(epoch(hour_start(hour)) + 3600)


def hour_after(hour: str) -> str:
    """Return the hour after an hour."""
    return hour_end(hour)[:13]


def hour_before(hour: str) -> str:
    """Return the hour before an hour."""
    return moment_of(epoch(hour_start(hour)) - 3600)[:13]


def day_after(day: str) -> str:
    """Return the day after a day."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def days_between(since: str, until: str) -> list[str]:
    """Return the days that have a moment from ``since`` on and before ``until``."""
    days = []
    day = since[:10]
    while start_of(day) < until:
        days.append(day)
        day = day_after(day)
    return days


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)
