"""One invocation of the router, from its hand-over to the end of its answer.

It belongs to nobody who could hang up: the front door listens to its parts, and whether or not
anyone still listens the answer is read to the end before the instance is stopped, as Lambda and
the Web Adapter do.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum

import httpx2

from local.declared import Function
from local.instance import InstanceFailed
from local.instance_pool import InstancePool, PoolFull
from local.invoked import Invoked, Observer, nobody
from local.web_instance import Head, Header, Request, WebInstance
from shared.clock import Clock

LAMBDA_CONTEXT_HEADER = b"x-amzn-lambda-context"


class Outcome(Enum):
    """How an invocation ended; always its last part."""

    COMPLETE = "complete"
    TIMED_OUT = "timed out"
    FAILED = "failed"
    THROTTLED = "throttled"


Part = Head | bytes | Outcome
Listener = Callable[[Part], None]


@dataclass(frozen=True)
class Invoker:
    """Runs invocations of one function on its pool."""

    function: Function
    pool: InstancePool[WebInstance]
    clock: Clock
    report: Callable[[str], None]
    observe: Observer = nobody

    async def invoke(self, request: Request, listener: Listener) -> None:
        """Run one invocation to its end; the listener gets a head, the body, an outcome."""
        begun, at = time.monotonic(), self.clock()
        outcome = await self._invoke(request, listener)
        self.observe(
            Invoked(
                function=self.function.name,
                at=at,
                seconds=time.monotonic() - begun,
                failed=outcome in {Outcome.FAILED, Outcome.TIMED_OUT},
                throttled=outcome is Outcome.THROTTLED,
            )
        )
        listener(outcome)

    async def _invoke(self, request: Request, listener: Listener) -> Outcome:
        try:
            instance = await self.pool.acquire()
        except PoolFull:
            return Outcome.THROTTLED
        except InstanceFailed:
            return Outcome.FAILED
        return await self._run(instance, self._with_context(request), listener)

    async def _run(self, instance: WebInstance, request: Request, listener: Listener) -> Outcome:
        outcome = Outcome.FAILED
        try:
            await self._exchange(instance, request, listener)
            outcome = Outcome.COMPLETE
        except TimeoutError:
            outcome = Outcome.TIMED_OUT
            limit = self.function.timeout_seconds
            self.report(f"{self.function.name}: killed after its timeout of {limit:g} s")
        except httpx2.TransportError as error:
            self.report(f"{self.function.name} (pid {instance.pid}) broke off: {error!r}")
        finally:
            if outcome is Outcome.COMPLETE:
                self.pool.release(instance)
            else:
                await self.pool.discard(instance)
        return outcome

    async def _exchange(self, instance: WebInstance, request: Request, listener: Listener) -> None:
        async with (
            asyncio.timeout(self.function.timeout_seconds),
            aclosing(instance.exchange(request)) as parts,
        ):
            async for part in parts:
                listener(part)

    def _with_context(self, request: Request) -> Request:
        kept = [header for header in request.headers if header[0] != LAMBDA_CONTEXT_HEADER]
        return replace(request, headers=[*kept, self._lambda_context()])

    def _lambda_context(self) -> Header:
        return LAMBDA_CONTEXT_HEADER, json.dumps(
            lambda_context(self.function, self.clock())
        ).encode()


def lambda_context(function: Function, now: float) -> dict[str, object]:
    """Return what Web Adapter 1.0 sends as ``x-amzn-lambda-context``.

    The fields are those of ``lambda_runtime::Context`` as it serialises; ``deadline`` is epoch
    milliseconds. The adapter's guide calls the same field ``deadline_ms``: both are sent.
    """
    deadline = int((now + function.timeout_seconds) * 1000)
    return {
        "request_id": str(uuid.uuid4()),
        "deadline": deadline,
        "deadline_ms": deadline,
        "invoked_function_arn": function.invoked_arn,
        "xray_trace_id": f"Root=1-{int(now):08x}-{secrets.token_hex(12)};Sampled=0",
        "client_context": None,
        "identity": None,
        "env_config": {
            "function_name": function.name,
            "memory": function.memory_mb,
            "version": function.version,
            "log_stream": "local",
            "log_group": function.log_group,
        },
    }
