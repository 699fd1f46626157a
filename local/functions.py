"""The plain functions of a stack: what Lambda's Invoke does for those who hold an ARN.

Events come from topics, queues and schedules. A synchronous invocation is answered with what the
handler returned; an asynchronous one is accepted at once, tried again when it fails, and handed
to its declared destination in the end (:mod:`local.async_events`).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local.async_events import AsyncEvent, AsyncEvents
from local.declared import Function
from local.handler_instance import HandlerInstance, InitFailed
from local.instance import Instance, InstanceFailed
from local.instance_pool import InstancePool, PoolFull
from local.invoked import Invoked, Observer, nobody
from local.runtime_api import Invocation, Result, error_result
from shared.clock import Clock

EVENT_LIMIT_BYTES = 6 * 1024 * 1024
"""The largest event of a synchronous invocation (Lambda quotas)."""
ASYNC_EVENT_LIMIT_BYTES = 1024 * 1024
"""The largest event of an asynchronous invocation (Lambda quotas)."""

OK = 200
ACCEPTED = 202
THROTTLED = 429


class NoSuchFunction(LookupError):
    """No plain function of this stack has the ARN."""


class EventTooLarge(ValueError):
    """An event is larger than Lambda takes; says by how much."""


@dataclass(frozen=True)
class Answer:
    """What Invoke answers.

    ``status`` is 200 for what the handler returned (JSON in ``payload``) or for a failure, 202
    for an asynchronous event that was accepted, 429 where every instance was busy. ``error`` is
    None or ``Unhandled``, and then the payload is ``{"errorType": …, "errorMessage": …}``.
    """

    status: int
    payload: bytes = b""
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether a handler ran and returned."""
        return self.status == OK and self.error is None


@dataclass
class PlainFunction:
    """One function and its instances."""

    function: Function
    pool: InstancePool[HandlerInstance]
    clock: Clock
    report: Callable[[str], None]
    observe: Observer = nobody

    async def invoke(self, event: bytes, request_id: str) -> Answer:
        """Run one event to its end."""
        begun, at = time.monotonic(), self.clock()
        answer = await self._invoke(event, request_id)
        self.observe(
            Invoked(
                function=self.function.name,
                at=at,
                seconds=time.monotonic() - begun,
                failed=answer.error is not None,
                throttled=answer.status == THROTTLED,
            )
        )
        return answer

    async def _invoke(self, event: bytes, request_id: str) -> Answer:
        try:
            instance = await self.pool.acquire()
        except PoolFull:
            return Answer(THROTTLED)
        except InitFailed as failure:
            return _answer(failure.result)
        except InstanceFailed as failure:
            return _answer(error_result("Runtime.Unknown", str(failure)))
        return _answer(await self._run(instance, self._invocation(event, request_id)))

    async def _run(self, instance: HandlerInstance, invocation: Invocation) -> Result:
        limit = self.function.timeout_seconds
        kept = False
        try:
            async with asyncio.timeout(limit):
                result = await instance.run(invocation)
            kept = instance.child.running
        except TimeoutError:
            self.report(f"{self.function.name}: killed after its timeout of {limit:g} s")
            told = f"RequestId: {invocation.request_id} Error: Task timed out after {limit:.2f} s"
            result = error_result("Sandbox.Timedout", f"{told}econds")
        finally:
            if kept:
                self.pool.release(instance)
            else:
                await self.pool.discard(instance)
        return result

    def _invocation(self, event: bytes, request_id: str) -> Invocation:
        return Invocation(
            request_id=request_id,
            event=event,
            function_arn=self.function.invoked_arn,
            trace_id=f"Root=1-{int(self.clock()):08x}-{secrets.token_hex(12)};Sampled=0",
            deadline_ms=int((time.time() + self.function.timeout_seconds) * 1000),
        )


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
        function = self.named(arn)
        limit = ASYNC_EVENT_LIMIT_BYTES if asynchronous else EVENT_LIMIT_BYTES
        payload = json.dumps(event, separators=(",", ":")).encode()
        if len(payload) > limit:
            raise EventTooLarge(f"{len(payload)} bytes must be smaller than {limit} bytes")
        request_id = str(uuid.uuid4())
        if not asynchronous:
            return await function.invoke(payload, request_id)
        self.events.accept(AsyncEvent(function, payload, request_id))
        return Answer(ACCEPTED)

    async def restart(self) -> None:
        """End the idle processes; the next event starts new ones."""
        for each in self.plain:
            await each.pool.renew()

    async def close(self) -> None:
        """Forget the events that wait, and end the processes."""
        await self.events.close()
        for each in self.plain:
            await each.pool.close()


def _answer(result: Result) -> Answer:
    return Answer(OK, result.payload, "Unhandled" if result.failed else None)
