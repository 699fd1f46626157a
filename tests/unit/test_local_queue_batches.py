"""What a function's answer says of each message of a batch, as Lambda reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.queue_batches import (
    FRAME_BYTES,
    BadReport,
    event_of,
    failed_items,
    record,
    size_of,
)

IDS = ("a", "b")
MESSAGE = {"MessageId": "a", "ReceiptHandle": "r", "Body": "é", "MD5OfBody": "m"}
ARN = "arn:aws:sqs:us-east-1:123456789012:jobs"


def items(*identifiers: Any) -> bytes:
    failures = [{"itemIdentifier": each} for each in identifiers]
    return json.dumps({"batchItemFailures": failures}).encode()


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"", set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures": null}', set()),
        (items(), set()),
        (items("b"), {"b"}),
        (items("a", "b"), {"a", "b"}),
    ],
)
def test_only_named_messages_have_failed(answer: bytes, failed: set[str]) -> None:
    assert failed_items(answer, IDS) == failed


@pytest.mark.parametrize(
    "answer",
    [
        b"{",
        b'"done"',
        b"[]",
        items("c"),
        items(""),
        items(None),
        items(7),
        b'{"batchItemFailures": [{"id": "a"}]}',
        b'{"batchItemFailures": ["a"]}',
        b'{"batchItemFailures": "a"}',
        b'{"batchItemFailures": 5}',
    ],
)
def test_a_report_that_makes_no_sense_is_the_failure_of_all(answer: bytes) -> None:
    with pytest.raises(BadReport):
        failed_items(answer, IDS)


def test_sizes_add_up_to_the_event() -> None:
    entries = [record(MESSAGE, ARN), record({**MESSAGE, "MessageId": "b"}, ARN)]
    whole = json.dumps(event_of(entries), separators=(",", ":")).encode()
    assert FRAME_BYTES + sum(map(size_of, entries)) - 1 == len(whole)
