"""Alarms declared as the deployer returns them, and data to evaluate them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.alarms.composite import composite_alarm
from local.alarms.data import MetricData
from local.alarms.declaration import metric_alarm
from local.alarms.watch import Watch
from local.emf import Datum

NOON = 20_779 * 86_400.0 + 43_200
"""2026-11-22T12:00:00Z."""
TOPIC = "arn:aws:sns:us-east-1:123456789012:sluice-dev-alarms"


@dataclass(frozen=True)
class Made:
    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> Mapping[str, Any]:
        return {
            **self.inputs,
            "arn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{self.name}",
        }


def alarm(name: str = "a", **inputs: Any) -> Made:
    """Declare an alarm on the sum of Sluice Requests, unless told otherwise."""
    metric = {"namespace": "Sluice", "metricName": "Requests", "statistic": "Sum", "period": 60}
    declared = {
        **({} if "metricQueries" in inputs else metric),
        "name": name,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "evaluationPeriods": 1,
        "threshold": 1.0,
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        **inputs,
    }
    return Made("aws:cloudwatch/metricAlarm:MetricAlarm", name, declared)


def composite(name: str, rule: str, **inputs: Any) -> Made:
    declared = {"alarmName": name, "alarmRule": rule, "alarmActions": [TOPIC], **inputs}
    return Made("aws:cloudwatch/compositeAlarm:CompositeAlarm", name, declared)


def watch(*alarms: Made, data: MetricData | None = None, begun: float = NOON) -> Watch:
    metric = [metric_alarm(made) for made in alarms if "metricAlarm" in made.type]
    composites = [composite_alarm(made) for made in alarms if "compositeAlarm" in made.type]
    return Watch(metric, composites, MetricData() if data is None else data, begun)


def datum(at: float, value: float = 1.0, name: str = "Requests", **more: Any) -> Datum:
    facts: dict[str, Any] = {"namespace": "Sluice", "dimensions": (), "unit": "Count", **more}
    return Datum(name=name, value=value, at=datetime.fromtimestamp(at, tz=UTC), **facts)
