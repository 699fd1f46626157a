"""Which stretches of time an alarm's data points cover.

A sliding window ends at the minute of the evaluation, so its periods move on every minute. A
wall-clock window ends where a calendar period of the time zone ended last: what happens in an
unfinished period is looked at when the period is over (user guide, "Alarm evaluation window").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.alarms.data import MINUTE
from local.alarms.errors import AlarmError

WALL_CLOCK_PERIODS = (60, 300, 3600, 86_400, 604_800)
LEAST_RANGE = 5
SPARE_PERIODS = 2
OFFSET_STEP = timedelta(minutes=5)

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{2}):(\d{2})")

Span = tuple[int, int]
"""A stretch of time in minutes since the epoch, its end exclusive."""


class Window(Protocol):
    """How an alarm cuts time into periods."""

    def spans(self, minute: int) -> list[Span]:
        """Return the periods that an evaluation at a minute may look at, oldest first."""

    def turns(self, data: Sequence[int], after: int, until: int) -> set[int]:
        """Return the minutes in (after, until] at which an evaluation can differ from before.

        ``data`` are the minutes that hold values.
        """

    def reach(self) -> int:
        """Return how many minutes before an evaluation the oldest value may lie."""


@dataclass(frozen=True)
class SlidingWindow:
    """Periods that end at the evaluation; ``period`` and ``periods`` as declared, in seconds."""

    period: int
    periods: int

    @property
    def length(self) -> int:
        """The evaluation range: periods that may be looked at when some have no data."""
        return max(LEAST_RANGE, self.periods + SPARE_PERIODS)

    def spans(self, minute: int) -> list[Span]:
        """Return the range's periods."""
        step = self.period // MINUTE
        ends = [minute - step * back for back in reversed(range(self.length))]
        return [(end - step, end) for end in ends]

    def turns(self, data: Sequence[int], after: int, until: int) -> set[int]:
        """Return when a value enters, goes from one period to the next, or leaves."""
        step = self.period // MINUTE
        moves = {minute + 1 + step * back for minute in data for back in range(self.length + 1)}
        return {minute for minute in moves if after < minute <= until}

    def reach(self) -> int:
        """Return the length of the range."""
        return self.length * self.period // MINUTE + 1


@dataclass(frozen=True)
class WallClockWindow:
    """Exactly ``periods`` calendar periods, the latest one that is over last."""

    period: int
    periods: int
    zone: tzinfo

    def spans(self, minute: int) -> list[Span]:
        """Return the completed periods."""
        edges = [self._start(minute)]
        for _ in range(self.periods):
            edges.append(self._start(edges[-1] - 1))
        edges.reverse()
        return list(pairwise(edges))

    def turns(self, data: Sequence[int], after: int, until: int) -> set[int]:
        """Return the ends of periods, whatever the data."""
        return set(self._ends(after, until))

    def reach(self) -> int:
        """Return the longest that the periods can be: a day has 25 hours once a year."""
        return (self.periods + 1) * (self.period // MINUTE + 60)

    def _ends(self, after: int, until: int) -> Iterator[int]:
        edge = self._start(until)
        while edge > after:
            yield edge
            edge = self._start(edge - 1)

    def _start(self, minute: int) -> int:
        """Return where the calendar period of a minute began."""
        local = datetime.fromtimestamp(minute * MINUTE, tz=self.zone)
        if self.period < 86_400:
            offset = int((local.utcoffset() or timedelta()).total_seconds()) // MINUTE
            step = self.period // MINUTE
            return (minute + offset) // step * step - offset
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.period > 86_400:
            midnight -= timedelta(days=midnight.weekday())
        return int(midnight.timestamp()) // MINUTE


def time_zone(text: str | None) -> tzinfo:
    """Return a declared time zone; raises :class:`AlarmError` as PutMetricAlarm would."""
    if not text or text in {"UTC", "GMT", "Z"}:
        return UTC
    if found := _OFFSET.fullmatch(text):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        if offset % OFFSET_STEP or offset >= timedelta(days=1):
            raise AlarmError(f"time zone {text}: not an offset in steps of 5 minutes")
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise AlarmError(f"time zone {text}: neither a name nor an offset") from error
