"""Creates SQS queues and what is said of them apart: where messages go, who may use them."""

from __future__ import annotations

import json
from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.errors import DeployError

_ATTRIBUTES = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoQueue": "FifoQueue",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
DEFAULT_MAX_MESSAGE_BYTES = 262_144
"""The provider's default, a quarter of what SQS takes."""


def queue(creation: Creation) -> Created:
    """``aws:sqs/queue:Queue``."""
    name, inputs, client = creation.physical_name(), creation.inputs, creation.aws.sqs
    size = inputs.get("maxMessageSize", DEFAULT_MAX_MESSAGE_BYTES)
    attributes = {"MaximumMessageSize": size, **inputs.chosen(_ATTRIBUTES)}
    url = client.create_queue(
        QueueName=name,
        # The stub wants each attribute's name as a literal.
        Attributes={key: _text(value) for key, value in attributes.items()},  # type: ignore[misc]
        tags=inputs.get("tags", {}),
    )["QueueUrl"]
    arn = creation.aws.arn("sqs", name)
    return Created(url, {"name": name, "arn": arn, "url": url})


def _attribute(key: str, attribute: str) -> Any:
    def create(creation: Creation) -> Created:
        url = creation.inputs["queueUrl"]
        value = _text(creation.inputs[key])
        if attribute == "RedrivePolicy" and "maxReceiveCount" not in json.loads(value):
            raise DeployError("a redrive policy without maxReceiveCount moves nothing")
        creation.aws.sqs.set_queue_attributes(
            QueueUrl=url,
            Attributes={attribute: value},  # type: ignore[dict-item] # as above
        )
        return Created(url)

    return create


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


CREATORS = {
    "aws:sqs/queue:Queue": queue,
    "aws:sqs/queuePolicy:QueuePolicy": _attribute("policy", "Policy"),
    "aws:sqs/redrivePolicy:RedrivePolicy": _attribute("redrivePolicy", "RedrivePolicy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _attribute(
        "redriveAllowPolicy", "RedriveAllowPolicy"
    ),
}
