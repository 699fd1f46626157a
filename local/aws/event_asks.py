"""What calls to queues, topics, schedules and functions ask permission for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.aws.policies import Ask
from local.aws.state import Place

Params = Mapping[str, Any]

_SINGLE = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}
"""SQS authorises a batch as its single action (SQS developer guide, "Batch actions")."""


def queue_asks(operation: str, params: Params, place: Place) -> list[Ask] | None:
    """Return what an SQS call on one queue needs; calls on several are not known."""
    name = params.get("QueueName") or str(params.get("QueueUrl", "")).rpartition("/")[2]
    action = f"sqs:{_SINGLE.get(operation, operation)}"
    return [Ask(action, place.arn("sqs", name))] if name else None


def topic_asks(operation: str, params: Params, _place: Place) -> list[Ask] | None:
    """Return what an SNS call on one topic needs."""
    arn = params.get("TopicArn") or params.get("TargetArn")
    action = "Publish" if operation == "PublishBatch" else operation
    return [Ask(f"sns:{action}", arn)] if arn else None


def schedule_asks(operation: str, params: Params, place: Place) -> list[Ask] | None:
    """Return what a Scheduler call on one schedule needs. Handing it a role is not checked."""
    if operation not in _ON_ONE_SCHEDULE:
        return None
    path = f"schedule/{params.get('GroupName', 'default')}/{params['Name']}"
    return [Ask(f"scheduler:{operation}", place.arn("scheduler", path))]


_ON_ONE_SCHEDULE = {"CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule"}


def function_asks(operation: str, params: Params, place: Place) -> list[Ask] | None:
    """Return what invoking a function needs; roles may do nothing else with functions."""
    if operation != "Invoke":
        return None
    given = params["FunctionName"]
    arn = given if given.startswith("arn:") else place.arn("lambda", f"function:{given}")
    qualifier = params.get("Qualifier")
    return [Ask("lambda:InvokeFunction", f"{arn}:{qualifier}" if qualifier else arn)]
