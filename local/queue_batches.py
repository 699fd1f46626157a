"""A batch of SQS messages as a function gets it, and what its answer says of each. Pure.

Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS" and "Handling errors for an SQS
event source".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

EVENT_LIMIT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation; a batch ends before it would grow beyond."""
FRAME_BYTES = len(b'{"Records":[]}')

Message = Mapping[str, Any]
"""A message as ReceiveMessage answers it."""


class BadReport(ValueError):
    """An answer that reports failed items in a way that Lambda takes for a failure of all."""


def record(message: Message, queue_arn: str) -> dict[str, object]:
    """Return a message as a record of the event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, object]:
    given = {"stringValue": value.get("StringValue"), "binaryValue": value.get("BinaryValue")}
    return {
        **{key: _text(content) for key, content in given.items() if content is not None},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def _text(content: str | bytes) -> str:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def event_of(records: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return the event that carries records."""
    return {"Records": list(records)}


def size_of(entry: Mapping[str, object]) -> int:
    """Return what a record adds to the event, in bytes, with its comma."""
    return len(json.dumps(entry, separators=(",", ":")).encode()) + 1


def failed_items(payload: bytes, message_ids: Iterable[str]) -> set[str]:
    """Return the messages that a function reports as failed.

    Nothing, ``null`` and an empty list mean that all went well. Raises :class:`BadReport` for what
    Lambda takes as the failure of the whole batch: no JSON, other keys, an empty or unknown id.
    """
    known = set(message_ids)
    try:
        answer = json.loads(payload or b"null")
    except ValueError as error:
        raise BadReport("the answer is not JSON") from error
    if not isinstance(answer, dict):
        if answer is None:
            return set()
        raise BadReport("the answer is not an object")
    items = answer.get("batchItemFailures") or []
    if not isinstance(items, list):
        raise BadReport("batchItemFailures is not a list")
    failed = {_identifier(item) for item in items}
    if not failed <= known:
        raise BadReport(f"no message has the id {min(failed - known)!r}")
    return failed


def _identifier(item: object) -> str:
    match item:
        case {"itemIdentifier": str(name)} if name:
            return name
    raise BadReport(f"{item!r} is not an item with an itemIdentifier")
