"""When a schedule of EventBridge Scheduler fires: ``rate``, ``cron`` and ``at``. Pure.

Source: EventBridge Scheduler user guide, "Schedule types". A cron time that a time zone skips in
spring is skipped, and one that it repeats in autumn fires once. A rate without a start date fires
at once and then at every period; its days are 24 hours each.
"""

from __future__ import annotations

import calendar
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
FIRST_YEAR, LAST_YEAR = 1970, 2199
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
CRON_FIELDS = 6
WEEK = 7


class BadExpression(ValueError):
    """A schedule expression or time zone that EventBridge Scheduler would refuse; says why."""


class Times(Protocol):
    """The moments at which something fires, in epoch seconds."""

    def after(self, moment: float) -> float | None:
        """Return the first firing later than a moment, or None where there is none."""


def times_of(expression: str, zone: str, anchor: float) -> Times:
    """Read an expression; ``anchor`` is when a rate begins. Raises :class:`BadExpression`."""
    read = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression.strip())
    if read is None:
        raise BadExpression(f"{expression!r} is none of rate(…), cron(…) and at(…)")
    kind, inner = read.groups()
    if kind == "rate":
        return Rate(anchor, _period(inner))
    if kind == "at":
        return Once(_moment(inner, _zone(zone)))
    return Cron(inner, _zone(zone))


@dataclass(frozen=True)
class Rate:
    """Every so many seconds from an anchor on, the anchor included."""

    anchor: float
    period: float

    def after(self, moment: float) -> float:
        """Return the first firing later than a moment."""
        if moment < self.anchor:
            return self.anchor
        return self.anchor + ((moment - self.anchor) // self.period + 1) * self.period


@dataclass(frozen=True)
class Once:
    """One moment."""

    moment: float

    def after(self, moment: float) -> float | None:
        """Return the one firing, if it is later."""
        return self.moment if self.moment > moment else None


class Cron:
    """Six fields in a time zone: minutes, hours, day of month, month, day of week, year."""

    def __init__(self, fields: str, zone: ZoneInfo) -> None:
        given = fields.upper().split()
        if len(given) != CRON_FIELDS:
            raise BadExpression(f"cron({fields}) has {len(given)} fields, it takes {CRON_FIELDS}")
        minutes, hours, day, month, weekday, year = given
        if (day == "?") == (weekday == "?"):
            raise BadExpression(f"cron({fields}): exactly one of the two day fields must be ?")
        self._zone = zone
        self._clock = [
            time(hour, minute)
            for hour in sorted(_values(hours, 0, 23))
            for minute in sorted(_values(minutes, 0, 59))
        ]
        self._months = _values(month, 1, 12, MONTHS)
        self._years = _values(year, FIRST_YEAR, LAST_YEAR)
        self._day, self._weekday = day, weekday
        self._days(2000, 1)  # a field that cannot be read is told at once

    def after(self, moment: float) -> float | None:
        """Return the first firing later than a moment."""
        begin = datetime.fromtimestamp(moment, self._zone).date()
        return next((at for at in self._from(begin) if at > moment), None)

    def _from(self, begin: date) -> Iterator[float]:
        for year in sorted(self._years):
            for month in sorted(self._months):
                if (year, month) >= (begin.year, begin.month):
                    yield from self._in_month(year, month, begin)

    def _in_month(self, year: int, month: int, begin: date) -> Iterator[float]:
        for number in sorted(self._days(year, month)):
            day = date(year, month, number)
            if day >= begin:
                yield from self._on(day)

    def _on(self, day: date) -> Iterator[float]:
        for clock in self._clock:
            local = datetime.combine(day, clock, self._zone)
            moment = local.astimezone(UTC)
            # A time that the zone skips comes back as another one.
            if moment.astimezone(self._zone).time() == clock:
                yield moment.timestamp()

    def _days(self, year: int, month: int) -> set[int]:
        if self._weekday == "?":
            return _month_days(self._day, year, month)
        return _week_days(self._weekday, year, month)


def _month_days(field: str, year: int, month: int) -> set[int]:
    last = calendar.monthrange(year, month)[1]
    if field == "L":
        return {last}
    if field == "LW":
        return {_nearest_weekday(date(year, month, last))}
    if found := re.fullmatch(r"(\d{1,2})W", field):
        number = int(found[1])
        return {_nearest_weekday(date(year, month, number))} if 1 <= number <= last else set()
    return {day for day in _values(field, 1, 31) if day <= last}


def _nearest_weekday(day: date) -> int:
    """Return the working day nearest to a day, within its month."""
    last = calendar.monthrange(day.year, day.month)[1]
    if day.weekday() == calendar.SATURDAY:
        return day.day - 1 if day.day > 1 else day.day + 2
    if day.weekday() == calendar.SUNDAY:
        return day.day + 1 if day.day < last else day.day - 2
    return day.day


def _week_days(field: str, year: int, month: int) -> set[int]:
    if found := re.fullmatch(r"(\w+)#([1-5])", field):
        every = _all_of({_number(found[1], WEEKDAYS)}, year, month)
        return set(every[int(found[2]) - 1 : int(found[2])])
    if field == "L":
        return set(_all_of({WEEK}, year, month))
    if found := re.fullmatch(r"(\w+)L", field):
        return set(_all_of({_number(found[1], WEEKDAYS)}, year, month)[-1:])
    return set(_all_of(_values(field, 1, WEEK, WEEKDAYS), year, month))


def _all_of(weekdays: set[int], year: int, month: int) -> list[int]:
    """Return the days of a month that fall on weekdays, of which Sunday is 1."""
    last = calendar.monthrange(year, month)[1]
    days = range(1, last + 1)
    return [day for day in days if date(year, month, day).isoweekday() % WEEK + 1 in weekdays]


def _values(field: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    return {value for part in field.split(",") for value in _part(part, low, high, names or [])}


def _part(part: str, low: int, high: int, names: list[str]) -> Iterator[int]:
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    begin, end = (low, high) if first == "*" else (_number(first, names), None)
    if last:
        end = _number(last, names)
    elif end is None:
        # Without a range, a step goes on to the end of the field.
        end = high if step else begin
    stride = _number(step, []) if step else 1
    if not (low <= begin <= end <= high and stride > 0):
        raise BadExpression(f"{part!r} is not within {low} to {high}")
    yield from range(begin, end + 1, stride)


def _number(text: str, names: list[str]) -> int:
    if text in names:
        return names.index(text) + 1
    if not text.isdecimal():
        raise BadExpression(f"{text!r} is not a value of this field")
    return int(text)


def _period(inner: str) -> float:
    read = re.fullmatch(r"(\d+) (minute|hour|day)s?", inner.strip())
    if read is None or int(read[1]) == 0:
        raise BadExpression(f"rate({inner}): a positive number and minutes, hours or days")
    return float(int(read[1]) * UNIT_SECONDS[read[2]])


def _moment(inner: str, zone: ZoneInfo) -> float:
    try:
        local = datetime.strptime(inner.strip(), "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 zone below
    except ValueError:
        raise BadExpression(f"at({inner}): it takes yyyy-mm-ddThh:mm:ss") from None
    return local.replace(tzinfo=zone).timestamp()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadExpression(f"{name!r} is not a time zone") from None


def due(times: Times, after: float, now: float, most: int) -> tuple[list[float], int]:
    """Return the firings later than ``after`` up to ``now``, the last ``most`` of them.

    The second value is how many older ones that leaves out.
    """
    kept: deque[float] = deque(maxlen=most)
    count = 0
    moment = times.after(after)
    while moment is not None and moment <= now:
        count += 1
        kept.append(moment)
        moment = times.after(moment)
    return list(kept), count - len(kept)
