"""The messages of deferred calls that nobody could handle, as an operator finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from cli.connection import Stack
from shared.adapters.job_queue import SqsJobQueue
from shared.clock import utc
from shared.domain.jobs.messages import place_in
from shared.resources import JOBS_DEAD_LETTERS, JOBS_QUEUE, resource_name

_TOGETHER: Final = 10
"""What one ReceiveMessage brings at most."""
_HIDDEN_SECONDS: Final = 20
"""How long a message that was looked at is hidden from the next look."""
_MOST: Final = 10_000


@dataclass(frozen=True)
class DeadLetter:
    """One message; ``place`` is the team and the job that it names, if it can be read."""

    message: Mapping[str, Any]
    place: tuple[str, str] | None

    def facts(self) -> dict[str, Any]:
        """Return it as JSON; a text that cannot be read is not shown, it may hold anything."""
        team, job = self.place or (None, None)
        attributes = self.message.get("Attributes", {})
        sent = int(attributes.get("SentTimestamp", 0)) / 1000
        return {
            "message_id": self.message["MessageId"],
            "team": team,
            "job": job,
            "sent": f"{utc(sent):%Y-%m-%d %H:%M:%S}",
            "received": attributes.get("ApproximateReceiveCount", "?"),
        }


class DeadLetters:
    """The queue of dead letters of one stack, under the operator's own credentials."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._sqs = stack.client("sqs")

    def look(self) -> list[DeadLetter]:
        """Return the messages, and show them to others again at once."""
        found = list(self._received())
        for letter in found:
            self._sqs.change_message_visibility(
                QueueUrl=self._dead, ReceiptHandle=letter.message["ReceiptHandle"],
                VisibilityTimeout=0,
            )  # fmt: skip
        return found

    def redrive(self, *, discard_unreadable: bool) -> dict[str, int]:
        """Send what names a job again, then delete it here: twice sent is harmless, lost is not."""
        queue = SqsJobQueue(self._sqs, self._url(JOBS_QUEUE), lambda _operation, _code: None)
        done = {"sent_again": 0, "unreadable": 0, "discarded": 0}
        for letter in self._received():
            if letter.place is not None:
                queue.send([letter.place])
                self._delete(letter)
                done["sent_again"] += 1
            elif discard_unreadable:
                self._delete(letter)
                done["discarded"] += 1
            else:
                done["unreadable"] += 1
        return done

    def _received(self) -> Iterator[DeadLetter]:
        seen: set[str] = set()
        while len(seen) < _MOST:
            answer = self._sqs.receive_message(
                QueueUrl=self._dead,
                MaxNumberOfMessages=_TOGETHER,
                VisibilityTimeout=_HIDDEN_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
            messages = [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]
            if not messages:
                return
            for message in messages:
                seen.add(message["MessageId"])
                yield DeadLetter(message, _place(message["Body"]))

    def _delete(self, letter: DeadLetter) -> None:
        receipt = letter.message["ReceiptHandle"]
        self._sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=receipt)

    @cached_property
    def _dead(self) -> str:
        return self._url(JOBS_DEAD_LETTERS)

    def _url(self, role: str) -> str:
        name = resource_name(self._stack.environment, role)
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _place(body: str) -> tuple[str, str] | None:
    try:
        return place_in(body)
    except msgspec.DecodeError:
        return None
