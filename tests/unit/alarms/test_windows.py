"""Which periods an alarm looks at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.alarms.errors import AlarmError
from local.alarms.windows import SlidingWindow, WallClockWindow, time_zone


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def shown(span: tuple[int, int]) -> tuple[str, str]:
    start, end = (f"{datetime.fromtimestamp(m * 60, tz=UTC):%d %H:%M}" for m in span)
    return start, end


def test_a_sliding_window_moves_every_minute_and_reaches_back_further_than_it_needs() -> None:
    window = SlidingWindow(3600, 1)
    assert shown(window.spans(minute("2026-11-22T14:07"))[-1]) == ("22 13:07", "22 14:07")
    assert shown(window.spans(minute("2026-11-22T14:08"))[-1]) == ("22 13:08", "22 14:08")
    assert len(window.spans(0)) == 5
    assert len(SlidingWindow(60, 3).spans(0)) == 5
    assert len(SlidingWindow(60, 10).spans(0)) == 12


@pytest.mark.parametrize(
    ("period", "zone", "span"),
    [
        (3600, None, ("22 13:00", "22 14:00")),
        (300, "UTC", ("22 14:00", "22 14:05")),
        (86_400, "Z", ("21 00:00", "22 00:00")),
        (86_400, "America/New_York", ("21 05:00", "22 05:00")),
        (86_400, "+05:30", ("20 18:30", "21 18:30")),
        (3600, "Asia/Kolkata", ("22 12:30", "22 13:30")),
        (604_800, "UTC-08:00", ("09 08:00", "16 08:00")),
    ],
)
def test_a_wall_clock_window_is_the_last_period_that_is_over(
    period: int, zone: str | None, span: tuple[str, str]
) -> None:
    window = WallClockWindow(period, 1, time_zone(zone))
    assert [shown(each) for each in window.spans(minute("2026-11-22T14:07"))] == [span]


def test_a_day_with_a_change_of_clocks_is_as_long_as_it_is() -> None:
    window = WallClockWindow(86_400, 2, time_zone("America/New_York"))
    spans = window.spans(minute("2026-11-03T12:00"))
    assert [end - start for start, end in spans] == [25 * 60, 24 * 60]
    hours = WallClockWindow(3600, 3, time_zone("America/New_York"))
    assert [e - s for s, e in hours.spans(minute("2026-11-01T07:30"))] == [60, 60, 60]


def test_it_turns_at_midnight_whatever_the_data() -> None:
    window = WallClockWindow(86_400, 1, UTC)
    begun, end = minute("2026-11-22T12:00"), minute("2026-11-25T00:00")
    turns = window.turns([], begun, end)
    assert turns == {minute(f"2026-11-{day}T00:00") for day in (23, 24, 25)}


@pytest.mark.parametrize("text", ["+01:03", "Mars/Olympus", "../etc/passwd", "+99:00"])
def test_a_time_zone_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AlarmError, match="time zone"):
        time_zone(text)
