"""The front door: what API Gateway does in front of a Lambda proxy integration that streams.

A request is counted against the stage's rate, matched to a declared route, held to the payload
limits, given its context headers and handed to an invocation. The answer passes through piece
by piece. When the caller hangs up the invocation is still heard to its end: nothing here watches
for the disconnect, and writing to a closed connection is silent.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope, Send

from local import gateway_responses as answers
from local.answered import Observer, Stopwatch, nobody
from local.declared import Gateway, Route
from local.gateway_headers import Caller, to_caller, to_function
from local.invocation import Invoker, Outcome, Part
from local.throttle import TokenBucket
from local.web_instance import Head, Request
from shared.clock import Clock

PAYLOAD_LIMIT_BYTES = 10 * 1024 * 1024
"""API Gateway quota for a request's payload."""

EVENT_LIMIT_BYTES = 6 * 1024 * 1024
"""Lambda quota for a synchronous event; the body travels inside it in base64."""

EVENT_FRAME_BYTES = 4096
"""Room in the event for what is neither the body nor the headers."""

HEADERS_LIMIT_BYTES = 10_240
"""API Gateway quota for the request line and all headers together."""

IDLE_SECONDS = 300.0
"""API Gateway cuts a regional REST stream that is silent for five minutes."""

OUTCOME_ANSWERS = {
    Outcome.THROTTLED: answers.THROTTLED,
    Outcome.TIMED_OUT: answers.TIMED_OUT,
    Outcome.FAILED: answers.BROKEN,
}


class CallerGone(Exception):
    """The caller hung up before its request was complete: nothing is invoked."""


@dataclass
class FrontDoor:
    """The ASGI application that stands in for API Gateway and the Web Adapter."""

    gateway: Gateway
    invoker: Invoker
    clock: Clock
    idle_seconds: float = IDLE_SECONDS
    observe: Observer = nobody
    _bucket: TokenBucket = field(init=False)
    _running: set[asyncio.Task[None]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        """Refuse a declaration that cannot be reproduced (DeclarationError)."""
        answers.check(self.gateway)
        self._bucket = TokenBucket(self.gateway.rate, self.gateway.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        watch = Stopwatch(self.clock(), send)
        await self._respond(scope, receive, watch)
        if (answered := watch.answered()) is not None:
            self.observe(answered)

    async def _respond(self, scope: Scope, receive: Receive, watch: Stopwatch) -> None:
        request_id = str(uuid.uuid4())
        try:
            body = await _body(receive)
        except CallerGone:
            return
        route = matching_route(self.gateway.routes, scope["method"], scope["path"])
        refusal = self._refusal(scope, body, route)
        if refusal is not None or route is None or body is None:
            await self._refuse(watch.send, refusal or answers.TOO_LARGE, request_id)
            return
        caller = _caller(scope, route, request_id, self.clock())
        request = Request(caller.method, _target(scope), to_function(caller, self.gateway), body)
        watch.asked()
        await self._answer(watch, self._invoke(request), request_id)

    def _refusal(
        self, scope: Scope, body: bytes | None, route: Route | None
    ) -> answers.Refusal | None:
        size = _head_bytes(scope)
        if size > HEADERS_LIMIT_BYTES:
            return answers.HEADERS_TOO_LARGE
        if route is None:
            return answers.MISSING_ROUTE
        if not self._bucket.take():
            return answers.THROTTLED
        if body is None or event_bytes(len(body), size) > EVENT_LIMIT_BYTES:
            return answers.TOO_LARGE
        return None

    def _invoke(self, request: Request) -> AsyncIterator[Part]:
        parts: asyncio.Queue[Part] = asyncio.Queue()
        task = asyncio.create_task(self.invoker.invoke(request, parts.put_nowait))
        self._running.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            if not task.cancelled() and (error := task.exception()):
                self.invoker.report(f"the front door failed: {error!r}")
                parts.put_nowait(Outcome.FAILED)

        task.add_done_callback(ended)
        return self._heard(parts)

    async def _heard(self, parts: asyncio.Queue[Part]) -> AsyncIterator[Part]:
        while True:
            try:
                async with asyncio.timeout(self.idle_seconds):
                    part = await parts.get()
            except TimeoutError:
                part = Outcome.TIMED_OUT
            yield part
            if isinstance(part, Outcome):
                return

    async def _answer(self, watch: Stopwatch, parts: AsyncIterator[Part], request_id: str) -> None:
        begun, send = False, watch.send
        async for part in parts:
            watch.heard()
            match part:
                case Head():
                    begun = True
                    await send(_start(part.status, to_caller(part.headers, request_id)))
                case bytes():
                    await send(_piece(part, more=True))
                case Outcome.COMPLETE:
                    await send(_piece(b"", more=False))
                case Outcome() if not begun:
                    await self._refuse(send, OUTCOME_ANSWERS[part], request_id)
                # Otherwise the answer breaks off: returning without its last piece makes the
                # server close the connection, which tells the caller that it is incomplete.

    async def _refuse(self, send: Send, refusal: answers.Refusal, request_id: str) -> None:
        answer = answers.own_answer(self.gateway, refusal, request_id)
        headers = [(k.encode(), v.encode()) for k, v in answer.headers.items()]
        length = (b"content-length", str(len(answer.body)).encode())
        await send(_start(answer.status, [*headers, length]))
        await send(_piece(answer.body, more=False))


def matching_route(routes: tuple[Route, ...], method: str, path: str) -> Route | None:
    """Return the declared route of a request: an exact path first, then a greedy one."""
    fitting = [route for route in routes if _fits(route.path, path)]
    fitting.sort(key=lambda route: ("{" in route.path, -len(route.path)))
    for route in fitting:
        if route.method in {"ANY", method}:
            return route
    return None


def event_bytes(body: int, head: int) -> int:
    """Return the size of the Lambda event for a body and a head of so many bytes."""
    return -(-body // 3) * 4 + head + EVENT_FRAME_BYTES


def _fits(pattern: str, path: str) -> bool:
    prefix, greedy, _ = pattern.partition("{proxy+}")
    return (len(path) > len(prefix) and path.startswith(prefix)) if greedy else path == pattern


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body, or None if it is over the limit; the rest of such a body is read too.

    A caller whose upload is cut off mostly reports a broken connection, not the 413.
    """
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= PAYLOAD_LIMIT_BYTES:
            pieces.append(piece)
        more = message.get("more_body", False)
    return b"".join(pieces) if size <= PAYLOAD_LIMIT_BYTES else None


def _head_bytes(scope: Scope) -> int:
    line = len(scope["method"]) + len(_target(scope))
    return line + sum(len(name) + len(value) for name, value in scope["headers"])


def _target(scope: Scope) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _caller(scope: Scope, route: Route, request_id: str, now: float) -> Caller:
    return Caller(
        method=scope["method"],
        path=scope["path"],
        resource=route.path,
        address=scope["client"][0],
        port=scope["server"][1],
        headers=list(scope["headers"]),
        request_id=request_id,
        now=now,
    )


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
