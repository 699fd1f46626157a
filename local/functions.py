"""The plain functions of a stack: what Lambda's Invoke does for those who hold an ARN.

Events come from topics, queues and schedules. A synchronous invocation is answered with what the
handler returned; an asynchronous one is accepted at once, tried again when it fails, and handed
to its declared destination in the end (:mod:`local.async_events`).
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from local.async_events import AsyncEvent, AsyncEvents
from local.instance import Instance
from local.plain_function import ACCEPTED, Answer, PlainFunction

__all__ = ["Answer", "EventTooLarge", "Functions", "NoSuchFunction"]

EVENT_LIMIT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation (Lambda quotas)."""
ASYNC_EVENT_LIMIT_BYTES = 1024 * 1024
"""The largest event of an asynchronous invocation (Lambda quotas)."""


class NoSuchFunction(LookupError):
    """No plain function of this stack has the ARN."""


class EventTooLarge(ValueError):
    """An event is larger than Lambda takes; says by how much."""


@dataclass
class Functions:
    """Every plain function of one stack, by ARN. For the event loop of the world alone."""

    plain: Sequence[PlainFunction]
    events: AsyncEvents
    _by_arn: dict[str, PlainFunction] = field(init=False)

    def __post_init__(self) -> None:
        """Index the functions by the ARNs that they answer to."""
        self._by_arn = {arn: each for each in self.plain for arn in each.function.arns}

    @property
    def instances(self) -> Sequence[Instance]:
        """The processes of all of them."""
        return [instance for each in self.plain for instance in each.pool.instances]

    def named(self, arn: str) -> PlainFunction:
        """Return the function of an ARN; raises :class:`NoSuchFunction`."""
        try:
            return self._by_arn[arn]
        except KeyError:
            raise NoSuchFunction(f"no plain function answers to {arn}") from None

    async def invoke(self, arn: str, event: object, *, asynchronous: bool = False) -> Answer:
        """Invoke a function with an event, which is plain JSON data.

        Asynchronous events are accepted (202) and what becomes of them is the program's matter:
        two more tries, then the declared destination. Who may invoke is for the caller to check.
        Raises :class:`NoSuchFunction` and :class:`EventTooLarge`.
        """
        if asynchronous:
            self.accept(arn, event)
            return Answer(ACCEPTED)
        payload = _payload(event, EVENT_LIMIT_BYTES)
        return await self.named(arn).invoke(payload, str(uuid.uuid4()))

    def accept(self, arn: str, event: object) -> asyncio.Future[Answer]:
        """Invoke asynchronously; the future, which may be left alone, is of the first try."""
        function = self.named(arn)
        payload = _payload(event, ASYNC_EVENT_LIMIT_BYTES)
        return self.events.accept(AsyncEvent(function, payload, str(uuid.uuid4())))

    async def restart(self) -> None:
        """End the idle processes; the next event starts new ones."""
        for each in self.plain:
            await each.pool.renew()

    async def close(self) -> None:
        """Forget the events that wait, and end the processes."""
        await self.events.close()
        for each in self.plain:
            await each.pool.close()


def _payload(event: object, limit: int) -> bytes:
    payload = json.dumps(event, separators=(",", ":")).encode()
    if len(payload) > limit:
        raise EventTooLarge(f"{len(payload)} bytes must be smaller than {limit} bytes")
    return payload
