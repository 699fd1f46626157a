"""A declared alarm is understood whole or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from local.alarms.declaration import metric_alarm
from local.alarms.errors import AlarmError
from local.alarms.verdict import Missing
from tests.unit.alarms.declared import alarm


def metric(name: str, **more: Any) -> dict[str, Any]:
    return {"metricName": name, "namespace": "Sluice", "period": 60, "stat": "Sum", **more}


def ratio(**more: Any) -> list[dict[str, Any]]:
    return [
        {"id": "e1", "expression": "errors / calls * 100", "returnData": True},
        {"id": "errors", "metric": metric("Failures")},
        {"id": "calls", "metric": metric("Requests", **more)},
    ]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"evaluationCriteria": {"promqlCriteria": {}}}, "evaluationCriteria"),
        ({"warmUpConfiguration": {"warmUpPeriodDurationInMinutes": 5}}, "warmUpConfiguration"),
        ({"thresholdMetricId": "ad1"}, "thresholdMetricId"),
        ({"comparisonOperator": "GreaterThanUpperThreshold"}, "compares"),
        ({"period": 30}, "multiples of 60"),
        ({"period": 86_400, "evaluationPeriods": 8}, "604800"),
        ({"period": 60, "evaluationPeriods": 1441}, "86400"),
        ({"datapointsToAlarm": 2}, "datapointsToAlarm"),
        ({"statistic": "TM(10%:90%)"}, "statistic"),
        ({"statistic": None}, "stat"),
        ({"treatMissingData": "maybe"}, "treatMissingData"),
        ({"evaluationWindow": {"wallClockWindow": {}}, "period": 600}, "wall clock"),
        ({"evaluationWindow": {"lunarWindow": {}}}, "lunarWindow"),
        ({"metricQueries": ratio(), "namespace": "Sluice"}, "beside metricQueries"),
        ({"metricQueries": ratio(period=300)}, "same period"),
        (
            {"metricQueries": [{**ratio()[1], "accountId": "1", "returnData": True}]},
            "accountId",
        ),
        ({"metricQueries": ratio()[:2]}, "refers to calls"),
        ({"metricQueries": ratio()[1:]}, "exactly one"),
        (
            {
                "metricQueries": [
                    {"id": "a", "expression": "b + m", "returnData": True},
                    {"id": "b", "expression": "a + m"},
                    {"id": "m", "metric": metric("Requests")},
                ]
            },
            "refers to itself",
        ),
    ],
)
def test_what_is_not_reproduced_fails_and_is_named(inputs: dict[str, Any], named: str) -> None:
    with pytest.raises(AlarmError, match="alarm watched") as caught:
        metric_alarm(alarm("watched", **inputs))
    assert named in str(caught.value)


def test_dynamodb_alarms_ignore_missing_data_whatever_they_declare() -> None:
    declared = alarm(namespace="AWS/DynamoDB", treatMissingData="notBreaching")
    assert metric_alarm(declared).rule.missing is Missing.IGNORE
