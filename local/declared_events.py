"""What brings events to functions, as the program declares it: policies, schedules, queues.

Pure, like :mod:`local.declared`, and as strict: what cannot be run here is a
:class:`~local.declared.DeclarationError` that names the resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.declared import DeclarationError, Resource, of_type

SQS_BATCH_SIZE = 10
"""Lambda's default for a queue."""


@dataclass(frozen=True)
class AsyncPolicy:
    """What becomes of a function's asynchronous events. The defaults are Lambda's."""

    retries: int = 2
    max_age_seconds: float = 6 * 3600.0
    on_failure: str | None = None
    on_success: str | None = None


@dataclass(frozen=True)
class Target:
    """What a schedule invokes, in whose name, with which text. The defaults are Scheduler's."""

    arn: str
    role_arn: str
    input: str | None = None
    retries: int = 185
    max_age_seconds: float = 86_400.0
    dead_letter_arn: str | None = None


@dataclass(frozen=True)
class Schedule:
    """A schedule. ``starts`` and ``ends`` are epoch seconds; ``expression`` is unread text."""

    arn: str
    name: str
    group: str
    expression: str
    zone: str
    target: Target
    starts: float | None = None
    ends: float | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Queue:
    """An SQS queue; ``dead_letter_arn`` is where messages go that were received too often."""

    name: str
    arn: str
    url: str
    dead_letter_arn: str | None = None


@dataclass(frozen=True)
class QueueSource:
    """An event source mapping from a queue to a function.

    ``concurrency`` is the declared maximum, or None; ``partial`` whether the function reports
    the items of a batch that failed.
    """

    queue: Queue
    function_arn: str
    batch_size: int = SQS_BATCH_SIZE
    window_seconds: float = 0.0
    concurrency: int | None = None
    partial: bool = False
    enabled: bool = True


def async_policies(resources: Iterable[Resource]) -> dict[str, AsyncPolicy]:
    """Return what is declared for asynchronous events, by function name."""
    return {
        _function_name(str(each.inputs["functionName"])): _policy(each.inputs)
        for each in of_type(
            resources, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
        )
    }


def schedules(resources: Iterable[Resource]) -> tuple[Schedule, ...]:
    """Return every declared schedule."""
    return tuple(_schedule(each) for each in of_type(resources, "aws:scheduler/schedule:Schedule"))


def queues(resources: Iterable[Resource]) -> tuple[Queue, ...]:
    """Return every declared queue."""
    known = list(resources)
    policies = of_type(known, "aws:sqs/redrivePolicy:RedrivePolicy")
    apart = {str(each.inputs["queueUrl"]): str(each.inputs["redrivePolicy"]) for each in policies}
    return tuple(
        Queue(
            name=str(each.outputs["name"]),
            arn=str(each.outputs["arn"]),
            url=str(each.outputs["url"]),
            dead_letter_arn=_dead_letters(each.inputs, apart.get(str(each.outputs["url"]))),
        )
        for each in of_type(known, "aws:sqs/queue:Queue")
    )


def _dead_letters(inputs: Mapping[str, Any], apart: str | None) -> str | None:
    policy = inputs.get("redrivePolicy") or apart
    return json.loads(policy).get("deadLetterTargetArn") if policy else None


def queue_sources(resources: Iterable[Resource]) -> tuple[QueueSource, ...]:
    """Return every declared mapping from a queue; one from anything else is an error."""
    known = list(resources)
    by_arn = {queue.arn: queue for queue in queues(known)}
    mappings = of_type(known, "aws:lambda/eventSourceMapping:EventSourceMapping")
    return tuple(_source(each, by_arn) for each in mappings)


def _policy(inputs: Mapping[str, Any]) -> AsyncPolicy:
    destinations = inputs.get("destinationConfig") or {}
    return AsyncPolicy(
        retries=int(inputs.get("maximumRetryAttempts", AsyncPolicy.retries)),
        max_age_seconds=float(inputs.get("maximumEventAgeInSeconds", AsyncPolicy.max_age_seconds)),
        on_failure=(destinations.get("onFailure") or {}).get("destination"),
        on_success=(destinations.get("onSuccess") or {}).get("destination"),
    )


def _schedule(resource: Resource) -> Schedule:
    inputs = resource.inputs
    mode = inputs["flexibleTimeWindow"]["mode"]
    if mode != "OFF":
        raise DeclarationError(f"{resource.name}: a flexible time window ({mode}) is not built")
    return Schedule(
        arn=str(resource.outputs["arn"]),
        name=str(resource.outputs["name"]),
        group=str(inputs.get("groupName") or "default"),
        expression=str(inputs["scheduleExpression"]),
        zone=str(inputs.get("scheduleExpressionTimezone") or "UTC"),
        target=_target(inputs["target"]),
        starts=_moment(inputs.get("startDate")),
        ends=_moment(inputs.get("endDate")),
        enabled=inputs.get("state", "ENABLED") == "ENABLED",
    )


def _target(declared: Mapping[str, Any]) -> Target:
    retry = declared.get("retryPolicy") or {}
    return Target(
        arn=str(declared["arn"]),
        role_arn=str(declared["roleArn"]),
        input=declared.get("input"),
        retries=int(retry.get("maximumRetryAttempts", Target.retries)),
        max_age_seconds=float(retry.get("maximumEventAgeInSeconds", Target.max_age_seconds)),
        dead_letter_arn=(declared.get("deadLetterConfig") or {}).get("arn"),
    )


def _source(resource: Resource, by_arn: Mapping[str, Queue]) -> QueueSource:
    inputs = resource.inputs
    arn = str(inputs.get("eventSourceArn"))
    if arn not in by_arn:
        raise DeclarationError(f"{resource.name}: {arn} is not a queue of this program")
    if inputs.get("filterCriteria"):
        raise DeclarationError(f"{resource.name}: filter criteria are not built")
    concurrency = (inputs.get("scalingConfig") or {}).get("maximumConcurrency")
    return QueueSource(
        queue=by_arn[arn],
        function_arn=str(resource.outputs["functionArn"]),
        batch_size=int(inputs.get("batchSize", SQS_BATCH_SIZE)),
        window_seconds=float(inputs.get("maximumBatchingWindowInSeconds", 0)),
        concurrency=int(concurrency) if concurrency else None,
        partial="ReportBatchItemFailures" in (inputs.get("functionResponseTypes") or ()),
        enabled=bool(inputs.get("enabled", True)),
    )


def _function_name(name_or_arn: str) -> str:
    # An ARN ends in function:NAME or function:NAME:QUALIFIER.
    return name_or_arn.partition(":function:")[2].partition(":")[0] or name_or_arn


def _moment(declared: str | None) -> float | None:
    if declared is None:
        return None
    moment = datetime.fromisoformat(declared)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
