"""Asynchronous invocations: accepted, tried up to three times, then handed over or told.

Lambda waits a minute before the second try and two before the third, and gives a throttled event
six hours. All of it passes on the world's clock. Source: AWS Lambda developer guide, "How Lambda
handles errors and retries with asynchronous invocation".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.declared_events import AsyncPolicy
from local.plain_function import THROTTLED, Answer, PlainFunction
from local.role_clients import RoleClients
from local.waiting import until
from shared.clock import Clock, utc

RETRY_DELAYS_SECONDS = (60.0, 120.0)
"""Before the second and the third try."""
THROTTLED_DELAY_SECONDS = 1.0
"""Before a throttled event is tried again; Lambda starts at a second and slows down."""
ERROR_MESSAGE_BYTES = 1024
"""How much of an error's text a dead letter carries."""


@dataclass(frozen=True)
class AsyncEvent:
    """An event that was accepted for a function."""

    function: PlainFunction
    payload: bytes
    request_id: str


@dataclass(frozen=True)
class End:
    """How an event ended: after so many tries, because of a condition in Lambda's words."""

    event: AsyncEvent
    answer: Answer
    tries: int
    condition: str


@dataclass
class AsyncEvents:
    """The events under way. ``policies`` maps a function's name to what is declared for it."""

    clients: RoleClients
    clock: Clock
    policies: Mapping[str, AsyncPolicy]
    report: Callable[[str], None]
    dropped: list[End] = field(default_factory=list)
    _under_way: dict[asyncio.Task[Answer], str] = field(default_factory=dict)

    def accept(self, event: AsyncEvent) -> asyncio.Future[Answer]:
        """Take an event; the future has the answer to its first try, or is cancelled."""
        first: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._see_through(event, first))
        self._under_way[task] = event.function.function.name
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: first.cancel())
        return first

    def waiting(self, function: str) -> int:
        """Return how many events of a function have not come to their end."""
        return sum(name == function for name in self._under_way.values())

    async def close(self) -> None:
        """Forget what is under way."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        name = self._under_way.pop(task)
        if not task.cancelled() and (error := task.exception()):
            self.report(f"{name}: an asynchronous event was lost: {error!r}")

    async def _see_through(self, event: AsyncEvent, first: asyncio.Future[Answer]) -> Answer:
        policy = self.policies.get(event.function.function.name, AsyncPolicy())
        expires = self.clock() + policy.max_age_seconds
        tries = 0
        while True:
            answer = await event.function.invoke(event.payload, event.request_id)
            tries += answer.status != THROTTLED
            if not first.done():
                first.set_result(answer)
            if answer.succeeded:
                await self._hand_over(End(event, answer, tries, "Success"), policy.on_success)
                return answer
            if tries > policy.retries:
                await self._give_up(End(event, answer, tries, "RetriesExhausted"), policy)
                return answer
            again = self.clock() + _delay(answer, tries)
            if again > expires:
                await self._give_up(End(event, answer, tries, "EventAgeExceeded"), policy)
                return answer
            await until(again, self.clock)

    async def _give_up(self, end: End, policy: AsyncPolicy) -> None:
        function = end.event.function.function
        self.dropped.append(end)
        if policy.on_failure is None and function.dead_letter_arn is None:
            self.report(
                f"{function.name}: an asynchronous event failed after {end.tries} tries and the "
                f"program declares nowhere for it to go: {_text(end.answer.payload)}"
            )
        await self._hand_over(end, policy.on_failure)
        if function.dead_letter_arn is not None:
            await self._send(end, function.dead_letter_arn, _text(end.event.payload), _letter(end))

    async def _hand_over(self, end: End, destination: str | None) -> None:
        if destination is not None:
            await self._send(end, destination, json.dumps(self._record(end)), {})

    async def _send(
        self, end: End, destination: str, body: str, attributes: Mapping[str, Any]
    ) -> None:
        function = end.event.function.function
        try:
            await asyncio.to_thread(self._deliver, function.role_arn, destination, body, attributes)
        except (ClientError, BotoCoreError) as error:
            self.report(f"{function.name}: {destination} did not take a failed event: {error}")

    def _deliver(
        self, role_arn: str, destination: str, body: str, attributes: Mapping[str, Any]
    ) -> None:
        service = destination.split(":")[2]
        client = self.clients.client(role_arn, service)
        if service == "sqs":
            url = self.clients.admin.queue_url(destination)
            client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
        else:
            client.publish(TopicArn=destination, Message=body, MessageAttributes=attributes)

    def _record(self, end: End) -> dict[str, object]:
        function = end.event.function.function
        return {
            "version": "1.0",
            "timestamp": f"{utc(self.clock()):%Y-%m-%dT%H:%M:%S.000Z}",
            "requestContext": {
                "requestId": end.event.request_id,
                "functionArn": f"{function.arn}:{function.version}",
                "condition": end.condition,
                "approximateInvokeCount": end.tries,
            },
            "requestPayload": json.loads(end.event.payload),
            "responseContext": {
                "statusCode": end.answer.status,
                "executedVersion": function.version,
                "functionError": end.answer.error,
            },
            "responsePayload": json.loads(end.answer.payload or b"null"),
        }


def _delay(answer: Answer, tries: int) -> float:
    if answer.status == THROTTLED:
        return THROTTLED_DELAY_SECONDS
    return RETRY_DELAYS_SECONDS[min(tries, len(RETRY_DELAYS_SECONDS)) - 1]


def _letter(end: End) -> dict[str, Any]:
    message = _text(end.answer.payload)[:ERROR_MESSAGE_BYTES]
    return {
        "RequestID": {"DataType": "String", "StringValue": end.event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(end.answer.status)},
        "ErrorMessage": {"DataType": "String", "StringValue": message or "throttled"},
    }


def _text(payload: bytes) -> str:
    return payload.decode(errors="replace")
