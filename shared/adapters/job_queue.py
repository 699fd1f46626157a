"""Messages for the dispatcher on SQS: ids, and the tenant as their group, so that none starves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.aws_json import Json, JsonClient, Service, Timeouts, access
from shared.adapters.dynamodb.reaching import Report
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.messages import message_of

_TOGETHER: Final = 10
"""What SendMessageBatch takes."""


_SQS: Final = Service("sqs", target="AmazonSQS", version="1.0")


class SqsClient(JsonClient):
    """The calls of SQS that there are, in its JSON protocol; they are botocore's by their shape.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
    """

    def send_message_batch(self, **request: Any) -> Json:
        """Send messages."""
        return self.call("SendMessageBatch", request)

    def change_message_visibility_batch(self, **request: Any) -> Json:
        """Say when messages are to be shown again."""
        return self.call("ChangeMessageVisibilityBatch", request)


def connect(timeouts: Timeouts) -> SqsClient:
    """Return a client for the function's own region and role."""
    return SqsClient(_SQS, access(_SQS), timeouts)


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

    def show_again(self, receipts: Sequence[str], seconds: int) -> None:
        """Show messages again after a while, and not only when their time in hiding is over.

        What cannot be done changes nothing but that: it is reported.
        """
        for first in range(0, len(receipts), _TOGETHER):
            entries = [
                {"Id": str(number), "ReceiptHandle": each, "VisibilityTimeout": seconds}
                for number, each in enumerate(receipts[first : first + _TOGETHER])
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                self._report("show_again", type(error).__name__)

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
