"""What a call asks permission for: one function per service that roles may use.

A call whose resources nobody here can work out is refused to roles and recorded, never waved
through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException

from local.aws import dynamodb_asks, event_asks, s3_asks
from local.aws.policies import Ask
from local.aws.state import Place, secret_arn

# What reading a call raises when a parameter is missing or has another shape than AWS documents.
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ServiceException)

Params = Mapping[str, Any]
Asks = list[Ask] | None
"""None when the call's resources cannot be worked out."""


@dataclass(frozen=True)
class Call:
    """An AWS call as it arrived: ``dynamodb``, ``PutItem``, its decoded parameters, its place."""

    service: str
    operation: str
    params: Params
    place: Place

    @property
    def action(self) -> str:
        """The IAM action of the same name."""
        return f"{self.service}:{self.operation}"


def asks_of(call: Call) -> Asks:
    """Return every permission that a call needs, or None if they cannot be worked out."""
    known = _SERVICES.get(call.service)
    try:
        return known(call) if known else None
    except _MALFORMED:
        return None


def _dynamodb(call: Call) -> Asks:
    return dynamodb_asks.asks_of(call.operation, call.params, call.place)


def _secretsmanager(call: Call) -> Asks:
    if "SecretId" not in call.params:
        return None
    return [Ask(call.action, secret_arn(call.place, call.params["SecretId"]))]


def _logs(call: Call) -> Asks:
    if "logGroupName" not in call.params:
        return None
    stream = call.params.get("logStreamName")
    group = call.place.arn("logs", f"log-group:{call.params['logGroupName']}")
    return [Ask(call.action, f"{group}:log-stream:{stream}" if stream else group)]


def _cloudwatch(call: Call) -> Asks:
    if call.operation in _METRIC_READS:
        return [Ask(call.action, "*")]
    if call.operation == "DescribeAlarms":
        names = call.params.get("AlarmNames") or ["*"]
        return [Ask(call.action, call.place.arn("cloudwatch", f"alarm:{name}")) for name in names]
    if call.operation != "PutMetricData":
        return None
    # CloudWatch metrics have no ARN: policies name "*" and narrow it by namespace.
    return [Ask(call.action, "*", {"cloudwatch:namespace": [call.params["Namespace"]]})]


_METRIC_READS = {"GetMetricData", "GetMetricStatistics", "ListMetrics"}
"""Reads of metrics, which no policy can narrow."""


def _s3(call: Call) -> Asks:
    return s3_asks.asks_of(call.operation, call.params)


def _on_events(
    known: Callable[[str, Params, Place], Asks],
) -> Callable[[Call], Asks]:
    return lambda call: known(call.operation, call.params, call.place)


def _sts(call: Call) -> Asks:
    # AWS answers GetCallerIdentity for anyone, even against a Deny.
    return [] if call.operation == "GetCallerIdentity" else None


_SERVICES: dict[str, Callable[[Call], Asks]] = {
    "dynamodb": _dynamodb,
    "secretsmanager": _secretsmanager,
    "logs": _logs,
    "cloudwatch": _cloudwatch,
    "lambda": _on_events(event_asks.function_asks),
    "s3": _s3,
    "scheduler": _on_events(event_asks.schedule_asks),
    "sns": _on_events(event_asks.topic_asks),
    "sqs": _on_events(event_asks.queue_asks),
    "sts": _sts,
}
