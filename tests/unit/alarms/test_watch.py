"""Alarms over time: states, reasons, jumps, midnights, composites."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.alarms.data import MetricData, Sample, statistic
from local.alarms.errors import AlarmError
from local.alarms.verdict import State
from local.alarms.watch import Change
from tests.unit.alarms.declared import NOON, TOPIC, alarm, composite, datum, watch

HOUR, DAY = 3600.0, 86_400.0


def told(changes: list[Change]) -> list[tuple[str, str, float]]:
    return [(c.alarm.about.name, str(c.new.state), c.new.since - NOON) for c in changes]


def test_an_alarm_fires_when_its_minute_is_over_and_clears_when_the_range_is_empty() -> None:
    watched = watch(alarm(treatMissingData="notBreaching"))
    assert told(watched.advance(NOON)) == [("a", "OK", 0.0)]
    watched.data.add(datum(NOON + 10))
    assert watched.advance(NOON + 59) == []
    fired = watched.advance(NOON + 61)
    assert told(fired) == [("a", "ALARM", 61.0)]
    assert fired[0].topics == (TOPIC,)
    assert fired[0].new.value == 1
    assert "1 datapoint [1.0 (" in fired[0].new.reason
    assert "was greater than or equal to the threshold (1.0)." in fired[0].new.reason
    assert json.loads(fired[0].new.data or "")["recentDatapoints"] == [1.0]
    cleared = watched.advance(NOON + HOUR)
    assert told(cleared) == [("a", "OK", 360.0)]
    assert cleared[0].new.reason == (
        "Threshold Crossed: no datapoints were received for 1 period and "
        "1 missing datapoint was treated as [NonBreaching]."
    )
    assert [change.new.state for change in watched.history] == ["OK", "ALARM", "OK"]


def test_m_out_of_n_says_so() -> None:
    watched = watch(alarm(evaluationPeriods=3, datapointsToAlarm=2, threshold=5))
    for minute, value in enumerate((9, 1, 7)):
        watched.data.add(datum(NOON + 60 * minute, value))
    change = watched.advance(NOON + 180)[-1]
    assert "2 out of the last 3 datapoints [7.0 (" in change.new.reason
    assert change.new.reason.endswith("(minimum 2 datapoints for OK -> ALARM transition).")


def test_nothing_is_told_where_actions_are_disabled() -> None:
    watched = watch(alarm(actionsEnabled=False, treatMissingData="breaching"))
    change = watched.advance(NOON)[0]
    assert (change.new.state, change.topics) == ("ALARM", ())


def test_a_wall_clock_day_is_judged_after_midnight_and_alone() -> None:
    day = alarm(
        period=86_400,
        threshold=5.0,
        treatMissingData="notBreaching",
        evaluationWindow={"wallClockWindow": {"timezone": "UTC"}},
    )
    watched = watch(day)
    watched.advance(NOON)
    for hour in (1, 2, 8, 11):
        watched.data.add(datum(NOON + hour * HOUR))
    assert watched.advance(NOON + 11.9 * HOUR) == []
    watched.data.add(datum(NOON + 11.95 * HOUR))
    watched.data.add(datum(NOON + 13 * HOUR))
    changes = watched.advance(NOON + 2 * DAY)
    assert told(changes) == [("a", "ALARM", 12 * HOUR), ("a", "OK", 36 * HOUR)]


def test_metric_math_over_two_metrics() -> None:
    queries: list[dict[str, Any]] = [
        {"id": "rate", "expression": "IF(calls > 3, 100 * bad / calls, 0)", "returnData": True},
        *(
            {
                "id": key,
                "metric": {"metricName": name, "namespace": "Sluice", "stat": "Sum", "period": 60},
            }
            for key, name in (("calls", "Requests"), ("bad", "Failures"))
        ),
    ]
    watched = watch(alarm(metricQueries=queries, threshold=50))
    watched.data.add(datum(NOON, 2.0))
    watched.data.add(datum(NOON, 2.0, "Failures"))
    watched.data.add(datum(NOON + 60, 4.0))
    watched.data.add(datum(NOON + 60, 2.0, "Failures"))
    assert told(watched.advance(NOON + 120)) == [("a", "OK", 60.0), ("a", "ALARM", 120.0)]
    assert watched.values["a"] == 50


def test_a_composite_follows_its_children() -> None:
    both = composite("both", f'ALARM("a") AND NOT OK({TOPIC.replace(":sns:", ":x:")}:alarm:b)')
    rows = [
        alarm("a", treatMissingData="notBreaching"),
        alarm("b", metricName="Failures", treatMissingData="notBreaching"),
        both,
    ]
    watched = watch(*rows)
    watched.advance(NOON)
    watched.data.add(datum(NOON))
    watched.data.add(datum(NOON + 120, 1.0, "Failures"))
    changes = told(watched.advance(NOON + HOUR))
    assert ("both", "ALARM", 180.0) in changes
    assert ("both", "OK", 360.0) in changes
    assert [child for child, _ in watched.history[-2].children or watched.history[-3].children]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("ALARM(nobody)", "nobody"),
        ("ALARM(c)", "itself"),
        ("AT_LEAST(1, ALARM, (a))", "AT_LEAST"),
        ("ALARM(a) AND", "too early"),
        ("(ALARM(a)", "too early"),
        ("ALARM(a) ALARM(a)", "not expected"),
    ],
)
def test_a_rule_that_is_wrong_is_refused(rule: str, named: str) -> None:
    with pytest.raises(AlarmError, match=named):
        watch(alarm("a"), composite("c", rule))


def test_composite_rules_know_precedence() -> None:
    watched = watch(
        alarm("a"), composite("c", "TRUE OR FALSE AND FALSE"), composite("d", "NOT (ALARM(c))")
    )
    watched.advance(NOON)
    assert watched.standings["c"].state is State.ALARM
    assert watched.standings["d"].state is State.OK


ROWS = [
    alarm("sparse", treatMissingData="missing", evaluationPeriods=3, datapointsToAlarm=2),
    alarm("held", treatMissingData="ignore", evaluationPeriods=2),
    alarm(
        "silence", treatMissingData="breaching", period=300, comparisonOperator="LessThanThreshold"
    ),
    alarm("usual", treatMissingData="notBreaching", period=300, threshold=2.0),
    alarm("slow", period=3600, statistic=None, extendedStatistic="p90", threshold=3.0),
    alarm("hourly", period=3600, threshold=2.0, evaluationWindow={"wallClockWindow": {}}),
    composite("any", "ALARM(usual) OR ALARM(hourly)"),
]


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 4)), max_size=25),
    st.lists(st.integers(1, 400), max_size=4),
)
def test_a_jump_changes_what_minute_by_minute_changes(
    values: list[tuple[int, int]], jumps: list[int]
) -> None:
    data = MetricData()
    for minute, value in values:
        data.add(datum(NOON + 60 * minute, value))
    walked, jumped = watch(*ROWS, data=data), watch(*ROWS, data=data)
    slow = [change for minute in range(401) for change in walked.advance(NOON + 60 * minute)]
    stops = sorted({0, *jumps, 400})
    fast = [change for stop in stops for change in jumped.advance(NOON + 60 * stop)]
    assert told(fast) == told(slow)


def test_percentiles_and_statistics() -> None:
    sample = Sample()
    sample.values.update(float(value) for value in range(1, 101))
    found = {name: statistic(name).of(sample) for name in ("p50", "p99", "p99.9", "p0", "p100")}
    assert found == {"p50": 50, "p99": 99, "p99.9": 100, "p0": 1, "p100": 100}
    assert statistic("Average").of(sample) == 50.5
    assert statistic("SampleCount").of(sample) == 100


def test_a_percentile_of_few_samples_can_be_told_to_wait() -> None:
    row = alarm(
        statistic=None,
        extendedStatistic="p90",
        evaluateLowSampleCountPercentiles="ignore",
        treatMissingData="ignore",
    )
    watched = watch(row)
    for _ in range(99):
        watched.data.add(datum(NOON, 7.0))
    assert watched.advance(NOON + 60) == []
    watched.data.add(datum(NOON, 7.0))
    assert told(watched.advance(NOON + 61)) == [("a", "ALARM", 61.0)]


def test_units_are_told_apart_only_where_an_alarm_names_one() -> None:
    watched = watch(alarm("any", threshold=3.0), alarm("one", threshold=2.0, unit="Seconds"))
    watched.data.add(datum(NOON, 2.0))
    watched.data.add(datum(NOON, 1.0, unit="Seconds"))
    assert told(watched.advance(NOON + 60)) == [("any", "ALARM", 60.0), ("one", "OK", 60.0)]


def test_values_older_than_cloudwatch_keeps_minutes_are_forgotten() -> None:
    data = MetricData()
    data.add(datum(NOON))
    data.add(datum(NOON + 16 * DAY))
    (metric,) = data.metrics
    assert len(data.minutes(metric, 0, 10**9)) == 1
