"""What an alarm's topic is given: subject and body as CloudWatch writes them.

Neither is documented as a contract; the shape is that of messages which AWS has sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from local.alarms.definition import Measure, MetricAlarm, Query
from local.alarms.reasons import stamp
from local.alarms.verdict import State
from local.alarms.watch import Change
from local.aws import ACCOUNT

SUBJECT_CHARACTERS = 100
"""SNS takes no longer subject."""

_STATISTICS = {
    "SampleCount": "SAMPLE_COUNT",
    "Sum": "SUM",
    "Average": "AVERAGE",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


def subject(change: Change, region: str) -> str:
    """Return the subject: the new state, the alarm, the region."""
    text = f'{change.new.state}: "{change.alarm.about.name}" in {region_name(region)}'
    return text[:SUBJECT_CHARACTERS]


def body(change: Change, region: str, created: float) -> str:
    """Return the message as JSON text; ``created`` is when the alarm was declared."""
    about = change.alarm.about
    facts: dict[str, Any] = {
        "AlarmName": about.name,
        "AlarmDescription": about.description,
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": stamp(created),
        "NewStateValue": change.new.state,
        "NewStateReason": change.new.reason,
        "StateChangeTime": stamp(change.new.since),
        "Region": region_name(region),
        "AlarmArn": about.arn,
        "OldStateValue": change.old.state,
        "OKActions": list(about.actions[State.OK]),
        "AlarmActions": list(about.actions[State.ALARM]),
        "InsufficientDataActions": list(about.actions[State.INSUFFICIENT_DATA]),
    }
    return json.dumps(facts | _cause(change, region))


def _cause(change: Change, region: str) -> dict[str, Any]:
    if isinstance(change.alarm, MetricAlarm):
        return {"Trigger": _trigger(change.alarm)}
    prefix = f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:"
    return {
        "AlarmRule": change.alarm.text,
        "TriggeringChildren": [
            {
                "Arn": f"{prefix}{name}",
                "State": {"Value": standing.state, "Timestamp": stamp(standing.since)},
            }
            for name, standing in change.children
        ],
    }


def _trigger(alarm: MetricAlarm) -> dict[str, Any]:
    rule = alarm.rule
    compared = {
        "Period": alarm.period,
        "EvaluationPeriods": rule.periods,
        "DatapointsToAlarm": alarm.declared_needed or rule.periods,
        "ComparisonOperator": alarm.comparison,
        "Threshold": alarm.threshold,
        "TreatMissingData": rule.missing,
        "EvaluateLowSampleCountPercentile": "ignore" if alarm.ignores_low_samples else "",
    }
    if len(alarm.queries) == 1 and isinstance(alarm.returned.source, Measure):
        return {**_single(alarm.returned.source), **compared}
    return {**compared, "Metrics": [_query(query, alarm.period) for query in alarm.queries]}


def _single(measure: Measure) -> dict[str, Any]:
    name = measure.statistic.name
    kind = "Statistic" if name in _STATISTICS else "ExtendedStatistic"
    return {
        "MetricName": measure.metric.name,
        "Namespace": measure.metric.namespace,
        "StatisticType": kind,
        kind: _STATISTICS.get(name, name),
        "Unit": measure.unit,
        "Dimensions": _dimensions(measure),
    }


def _query(query: Query, period: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"Id": query.id, "ReturnData": query.returned}
    if query.label:
        facts["Label"] = query.label
    if not isinstance(query.source, Measure):
        return {"Expression": query.source.text, **facts}
    metric: Mapping[str, Any] = {
        "Dimensions": _dimensions(query.source),
        "MetricName": query.source.metric.name,
        "Namespace": query.source.metric.namespace,
    }
    stat = {"Metric": metric, "Period": period, "Stat": query.source.statistic.name}
    return {**facts, "MetricStat": stat}


def _dimensions(measure: Measure) -> list[dict[str, str]]:
    return [{"value": value, "name": name} for name, value in measure.metric.dimensions]


@cache
def region_name(region: str) -> str:
    """Return a region as a person reads it, such as ``US East (N. Virginia)``."""
    partitions = Loader().load_data("endpoints")["partitions"]
    for partition in partitions:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region
