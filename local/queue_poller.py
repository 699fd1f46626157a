"""A Lambda event source mapping on a queue: polls, gathers a batch, invokes, deletes what is done.

It works in the name of the function's role, as on AWS. What is not deleted comes back by itself
when the queue's visibility timeout has passed on the world's clock, and goes to the dead letter
queue once it was received too often: SQS does both, the poller neither.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.declared import DeclarationError
from local.declared_events import QueueSource
from local.plain_function import Answer, PlainFunction
from local.queue_batches import (
    EVENT_LIMIT_BYTES,
    FRAME_BYTES,
    BadReport,
    Message,
    event_of,
    failed_items,
    record,
    size_of,
)
from local.role_clients import RoleClients
from shared.clock import Clock

POLL_SECONDS = 0.2
SELDOM_SECONDS = 1.0
"""Between two looks at an empty queue, by the machine's clock: longer while it stays empty."""
REFUSED_SECONDS = 1.0
"""Before a queue that refused the role is asked again."""
MESSAGES_A_CALL = 10
"""What SQS takes in one call."""


@dataclass
class Batch:
    """Messages on their way to a function. ``opened`` is the world's time of the first."""

    messages: list[Message] = field(default_factory=list)
    records: list[dict[str, object]] = field(default_factory=list)
    size: int = FRAME_BYTES
    opened: float = 0.0

    def add(self, message: Message, entry: dict[str, object], now: float) -> None:
        """Take one message."""
        self.opened = self.opened or now
        self.messages.append(message)
        self.records.append(entry)
        self.size += size_of(entry)

    def has_room_for(self, entry: dict[str, object]) -> bool:
        """Whether a record fits into the event, which a first one always does."""
        return not self.records or self.size + size_of(entry) <= EVENT_LIMIT_BYTES


@dataclass
class QueuePoller:
    """One mapping at work. ``failures`` has the calls that the queue refuses the role, and why."""

    source: QueueSource
    function: PlainFunction
    concurrency: int
    clients: RoleClients
    clock: Clock
    report: Callable[[str], None]
    invoking: int = 0
    delivered: int = 0
    failed: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    _left_over: list[Message] = field(default_factory=list)
    _known: bool = False

    def __post_init__(self) -> None:
        """Refuse a queue whose order would be lost here."""
        if self.source.queue.name.endswith(".fifo"):
            raise DeclarationError(f"{self.source.queue.name}: FIFO queues are not polled here")

    def shown(self) -> dict[str, object]:
        """Return the mapping as JSON shows it."""
        return {
            "queue": self.source.queue.name,
            "function": self.function.function.name,
            "state": "Enabled" if self.source.enabled else "Disabled",
            "invoking": self.invoking,
            "delivered": self.delivered,
            "failed": self.failed,
            "failures": dict(self.failures),
        }

    async def run(self) -> None:
        """Poll for ever, if the mapping is switched on."""
        if not self.source.enabled:
            return
        free = asyncio.Semaphore(self.concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                batch = await self._gather()
                group.create_task(self._see_through(batch)).add_done_callback(
                    lambda _: free.release()
                )

    async def _gather(self) -> Batch:
        batch, pause = Batch(), POLL_SECONDS
        while not self._is_due(batch):
            wanted = self.source.batch_size - len(batch.messages)
            received = self._left_over or await self._receive(wanted)
            self._left_over = []
            if self._fill(batch, received):
                break
            if received:
                pause = POLL_SECONDS
            else:
                await asyncio.sleep(REFUSED_SECONDS if self.failures else pause)
                pause = min(pause * 1.5, SELDOM_SECONDS)
        return batch

    def _fill(self, batch: Batch, received: Sequence[Message]) -> bool:
        """Put messages into a batch; keep those that would make the event too large."""
        for number, message in enumerate(received):
            entry = record(message, self.source.queue.arn)
            if not batch.has_room_for(entry):
                self._left_over = list(received[number:])
                return True
            batch.add(message, entry, self.clock())
        return len(batch.messages) >= self.source.batch_size

    def _is_due(self, batch: Batch) -> bool:
        waited = self.clock() - batch.opened
        return bool(batch.messages) and waited >= self.source.window_seconds

    async def _see_through(self, batch: Batch) -> None:
        self.invoking += 1
        try:
            payload = json.dumps(event_of(batch.records), separators=(",", ":")).encode()
            answer = await self.function.invoke(payload, str(uuid.uuid4()))
            done = self._done(batch, answer)
            self.delivered += len(done)
            self.failed += len(batch.messages) - len(done)
            await self._delete(done)
        finally:
            self.invoking -= 1

    def _done(self, batch: Batch, answer: Answer) -> list[Message]:
        """Return the messages that the function has dealt with."""
        if not answer.succeeded:
            return []
        if not self.source.partial:
            return batch.messages
        ids = [message["MessageId"] for message in batch.messages]
        try:
            failed = failed_items(answer.payload, ids)
        except BadReport as error:
            name = self.function.function.name
            self.report(f"{name}: the whole batch counts as failed: {error}")
            return []
        return [message for message in batch.messages if message["MessageId"] not in failed]

    async def _receive(self, wanted: int) -> list[Message]:
        if self.failures or not self._known:
            # Lambda wants to know a queue before it reads it, and needs leave for that too.
            self._known = bool(
                await self._ask("get_queue_attributes", AttributeNames=["VisibilityTimeout"])
            )
        if not self._known:
            return []
        answer = await self._ask(
            "receive_message",
            MaxNumberOfMessages=min(wanted, MESSAGES_A_CALL),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    async def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), MESSAGES_A_CALL):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + MESSAGES_A_CALL])
            ]
            answer = await self._ask("delete_message_batch", Entries=entries)
            for refused in answer.get("Failed", []):
                self.report(f"{self.source.queue.name} did not delete a message: {refused}")

    async def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call SQS as the function's role; a refusal is told once and answered with nothing."""
        try:
            answer = await asyncio.to_thread(self._call, operation, parameters)
        except (ClientError, BotoCoreError) as error:
            if self.failures.get(operation) != str(error):
                self.report(f"{self.function.function.name} cannot use its queue: {error}")
            self.failures[operation] = str(error)
            return {}
        self.failures.pop(operation, None)
        return answer

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        client = self.clients.client(self.function.function.role_arn, "sqs")
        answer: dict[str, Any] = getattr(client, operation)(
            QueueUrl=self.source.queue.url, **parameters
        )
        return answer
