"""One plain function: its events run one at a time on each of its instances."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.declared import Function
from local.handler_instance import HandlerInstance, InitFailed
from local.instance import InstanceFailed
from local.instance_pool import InstancePool, PoolFull
from local.invoked import Invoked, Observer, nobody
from local.runtime_api import Invocation, Result, error_result
from shared.clock import Clock

OK = 200
ACCEPTED = 202
THROTTLED = 429


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


def _answer(result: Result) -> Answer:
    return Answer(OK, result.payload, "Unhandled" if result.failed else None)
