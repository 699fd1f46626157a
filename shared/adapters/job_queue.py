"""Messages for the dispatcher on SQS: ids, and the tenant as their group, so that none starves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.reaching import Report
from shared.domain.errors import StoreUnavailable

_TOGETHER: Final = 10
"""What SendMessageBatch takes."""


class _Message(msgspec.Struct, frozen=True):
    team: str
    job: str


_decode: Final = msgspec.json.Decoder(_Message).decode


class SqsJobQueue:
    """Implements ``JobQueue``. A standard queue with a ``MessageGroupId`` is fair to its groups.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    def __init__(self, client: Any, url: str, report: Report) -> None:
        self._client = client
        self._url = url
        self._report = report

    def send(self, jobs: Sequence[tuple[str, str]]) -> None:
        """Send ten at a time."""
        for first in range(0, len(jobs), _TOGETHER):
            self._send(jobs[first : first + _TOGETHER])

    def _send(self, jobs: Sequence[tuple[str, str]]) -> None:
        entries = [
            {"Id": str(number), "MessageBody": message_of(team, job), "MessageGroupId": team}
            for number, (team, job) in enumerate(jobs)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            self._report("send", error.response["Error"]["Code"])
            raise StoreUnavailable("jobs queue") from error
        except BotoCoreError as error:
            self._report("send", type(error).__name__)
            raise StoreUnavailable("jobs queue") from error
        if answer.get("Failed"):
            self._report("send", answer["Failed"][0]["Code"])
            raise StoreUnavailable("jobs queue")


def message_of(team: str, job: str) -> str:
    """Return the body of a message: ids, never content."""
    return msgspec.json.encode(_Message(team, job)).decode()


def place_in(body: str) -> tuple[str, str]:
    """Return the team and the id that a message names; raises ``msgspec.DecodeError``."""
    message = _decode(body)
    return message.team, message.job
