"""Queues that lose nothing and alarms that somebody hears."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pulumi_policy import (
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from tests.policy.rules.keeping import FUNCTION, of

QUEUE = "aws:sqs/queue:Queue"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
_SQS_DEFAULT_VISIBILITY = 30
_RUNBOOK = re.compile(r"(docs/runbook\.md|https://\S+)#[a-z0-9-]+\Z")


def queues_have_a_dead_letter_queue(args: StackValidationArgs, report: ReportViolation) -> None:
    queues = list(of(args, QUEUE))
    dead = {_dead_letter_target(queue) for queue in queues}
    for queue in queues:
        if queue.props.get("arn") not in dead and not _dead_letter_target(queue):
            report("a message that always fails is tried until it expires", queue.urn)


def _dead_letter_target(queue: PolicyResource) -> str | None:
    policy = queue.props.get("redrivePolicy")
    return json.loads(policy)["deadLetterTargetArn"] if policy else None


def queues_outwait_their_function(args: StackValidationArgs, report: ReportViolation) -> None:
    """SQS developer guide: six times the function's timeout, and the batching window on top."""
    queues = {queue.props.get("arn"): queue for queue in of(args, QUEUE)}
    for mapping in of(args, MAPPING):
        queue = queues.get(mapping.props.get("eventSourceArn"))
        if queue is not None and _visibility(queue.props) < _needed(args, mapping.props):
            report("a message is given out again while it is still worked on", queue.urn)


def _visibility(props: Mapping[str, Any]) -> int:
    return int(props.get("visibilityTimeoutSeconds", _SQS_DEFAULT_VISIBILITY))


def _needed(args: StackValidationArgs, mapping: Mapping[str, Any]) -> int:
    called = str(mapping["functionName"])
    timeouts = [
        int(function.props.get("timeout", 3))
        for function in of(args, FUNCTION)
        if called in {function.props.get("name"), function.props.get("arn")}
    ]
    return 6 * max(timeouts, default=0) + int(mapping.get("maximumBatchingWindowInSeconds", 0))


def alarms_are_heard(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == ALARM and not args.props.get("alarmActions"):
        report("the alarm tells nobody", args.urn)


def alarms_say_what_to_do(args: ResourceValidationArgs, report: ReportViolation) -> None:
    said = str(args.props.get("alarmDescription", ""))
    if args.resource_type == ALARM and not _RUNBOOK.search(said):
        report("the alarm names no section of the runbook", args.urn)


def alarms_know_silence(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == ALARM and not args.props.get("treatMissingData"):
        report("the alarm does not say what silence means", args.urn)


SIGNALS = [
    StackValidationPolicy(
        "dead-letters",
        "A queue has a dead letter queue, or is one.",
        queues_have_a_dead_letter_queue,
    ),
    StackValidationPolicy(
        "visibility", "A queue outwaits its function six times.", queues_outwait_their_function
    ),
    ResourceValidationPolicy("alarm-action", "An alarm tells somebody.", alarms_are_heard),
    ResourceValidationPolicy("alarm-runbook", "An alarm says what to do.", alarms_say_what_to_do),
    ResourceValidationPolicy(
        "alarm-silence", "An alarm knows what silence means.", alarms_know_silence
    ),
]
