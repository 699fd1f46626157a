"""When schedules fire, by EventBridge Scheduler's rules."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from local.schedule_times import BadExpression, Cron, due, times_of


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def told(moment: float | None) -> str | None:
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M}"


def firings(expression: str, zone: str, after: str, count: int) -> list[str | None]:
    times, moment = times_of(expression, zone, at(after)), at(after)
    found: list[str | None] = []
    for _ in range(count):
        following = times.after(moment)
        found.append(told(following))
        if following is None:
            break
        moment = following
    return found


@pytest.mark.parametrize(
    ("expression", "after", "wanted"),
    [
        ("cron(0 10 * * ? *)", "2026-11-29T11:00", ["2026-11-30T10:00", "2026-12-01T10:00"]),
        ("cron(15 12 ? * 1 *)", "2026-11-29T00:00", ["2026-11-29T12:15", "2026-12-06T12:15"]),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-27T18:00", ["2026-11-30T18:00", "2026-12-01T18:00"]),
        ("cron(0/15 * * * ? *)", "2026-11-29T11:16", ["2026-11-29T11:30", "2026-11-29T11:45"]),
        ("cron(10/20 8-9 1 * ? *)", "2026-11-29T11:16", ["2026-12-01T08:10", "2026-12-01T08:30"]),
        ("cron(0 0 L * ? *)", "2027-02-01T00:00", ["2027-02-28T00:00", "2027-03-31T00:00"]),
        ("cron(0 0 29 2 ? *)", "2026-11-29T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(0 9 ? * 6L *)", "2026-11-01T00:00", ["2026-11-27T09:00", "2026-12-25T09:00"]),
        ("cron(0 9 ? * MON#1 *)", "2026-11-02T09:00", ["2026-12-07T09:00", "2027-01-04T09:00"]),
        ("cron(0 9 ? * 3#5 *)", "2026-11-29T00:00", ["2026-12-29T09:00", "2027-03-30T09:00"]),
        ("cron(0 9 1W * ? *)", "2026-07-20T00:00", ["2026-08-03T09:00", "2026-09-01T09:00"]),
        ("cron(0 9 15W * ? *)", "2026-08-01T00:00", ["2026-08-14T09:00", "2026-09-15T09:00"]),
        ("cron(0 9 LW * ? *)", "2026-10-01T00:00", ["2026-10-30T09:00", "2026-11-30T09:00"]),
        (
            "cron(0 0 1 JAN,JUL ? 2027)",
            "2026-11-29T00:00",
            ["2027-01-01T00:00", "2027-07-01T00:00", None],
        ),
        (
            "cron(0 0 1 1 ? 2027-2031/2)",
            "2027-01-01T00:00",
            ["2029-01-01T00:00", "2031-01-01T00:00", None],
        ),
        ("cron(30 0 ? * sat *)", "2026-11-29T00:00", ["2026-12-05T00:30"]),
        ("cron(0 0 31 2 ? *)", "2026-11-29T00:00", [None]),
        ("at(2026-12-01T08:30:00)", "2026-11-29T00:00", ["2026-12-01T08:30", None]),
        ("at(2026-11-01T08:30:00)", "2026-11-29T00:00", [None]),
    ],
)
def test_expressions_fire_when_they_should(
    expression: str, after: str, wanted: list[str | None]
) -> None:
    assert firings(expression, "UTC", after, len(wanted)) == wanted


def test_a_rate_fires_at_its_beginning_and_then_at_every_period() -> None:
    times = times_of("rate(5 minutes)", "UTC", anchor=1000.0)
    assert times.after(0) == 1000
    assert times.after(999.9) == 1000
    assert times.after(1000) == 1300
    assert times.after(1299) == 1300
    assert times_of("rate(1 day)", "Europe/Berlin", anchor=0.0).after(0) == 86_400


def test_a_wall_clock_time_keeps_its_hour_through_the_change_of_clocks() -> None:
    wanted = ["2026-10-24T01:00", "2026-10-25T02:00", "2026-10-26T02:00"]
    assert firings("cron(0 3 * * ? *)", "Europe/Berlin", "2026-10-23T12:00", 3) == wanted


def test_a_time_that_spring_skips_is_skipped() -> None:
    # In Berlin the clock goes from 02:00 to 03:00 on 2027-03-28.
    found = firings("cron(30 2 * * ? *)", "Europe/Berlin", "2027-03-26T12:00", 2)
    assert found == ["2027-03-27T01:30", "2027-03-29T00:30"]


def test_a_time_that_autumn_repeats_fires_once() -> None:
    # In Berlin 02:30 comes twice on 2026-10-25: at 00:30 and at 01:30 UTC.
    found = firings("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00", 2)
    assert found == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_firings_rise_through_a_change_of_clocks_when_every_minute_counts() -> None:
    times, moment, found = (
        Cron("0/30 * * * ? *", ZoneInfo("Europe/Berlin")),
        at("2026-10-24T22:00"),
        [],
    )
    while moment < at("2026-10-25T03:00"):
        following = times.after(moment)
        assert following is not None
        moment = following
        found.append(moment)
    assert all(one < two for one, two in pairwise(found))
    assert len(found) == 8, "the repeated hour is silent the second time"


def test_an_at_means_the_time_zone() -> None:
    assert firings("at(2026-07-01T12:00:00)", "Asia/Tokyo", "2026-01-01T00:00", 1) == [
        "2026-07-01T03:00"
    ]


def test_what_is_due_is_bounded_to_the_latest() -> None:
    times = times_of("rate(1 minute)", "UTC", anchor=0.0)
    assert due(times, 0, 180, most=10) == ([60, 120, 180], 0)
    assert due(times, 0, 180, most=2) == ([120, 180], 1)
    assert due(times, 180, 239, most=2) == ([], 0)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("every day", "none of rate"),
        ("rate(0 minutes)", "positive"),
        ("rate(5 weeks)", "minutes, hours or days"),
        ("rate(five minutes)", "positive"),
        ("cron(0 10 * * ?)", "5 fields"),
        ("cron(0 10 * * * *)", "exactly one"),
        ("cron(0 10 ? * ? *)", "exactly one"),
        ("cron(60 10 * * ? *)", "not within 0 to 59"),
        ("cron(0 10 * 13 ? *)", "not within 1 to 12"),
        ("cron(0 10 ? * 0 *)", "not within 1 to 7"),
        ("cron(0 10 ? * MON-XYZ *)", "'XYZ'"),
        ("cron(0 10 * * ? 2200)", "2199"),
        ("cron(5-1 10 * * ? *)", "5-1"),
        ("cron(0/0 10 * * ? *)", "0/0"),
        ("at(2026-07-01 12:00)", "yyyy-mm-ddThh:mm:ss"),
    ],
)
def test_what_scheduler_would_refuse_is_refused_with_a_reason(expression: str, named: str) -> None:
    with pytest.raises(BadExpression, match=named):
        times_of(expression, "UTC", 0.0)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(BadExpression, match="time zone"):
        times_of("cron(0 3 * * ? *)", name, 0.0)
