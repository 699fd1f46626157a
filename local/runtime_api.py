"""Lambda's Runtime API, as the one process of an execution environment meets it.

The process asks for the next invocation, which is answered when there is one, and posts what
became of it. Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom
runtimes".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

VERSION = "/2018-06-01/runtime"

ANSWER_LIMIT_BYTES = 6_291_556
"""The longest answer of a synchronous invocation (Lambda quotas: 6 MB)."""

NOT_THIS_INVOCATION = 400
TOO_LARGE = 413
ACCEPTED = 202


@dataclass(frozen=True)
class Invocation:
    """One event for a function.

    ``deadline_ms`` is in epoch milliseconds of the machine's clock, whatever the world's says:
    the function measures what is left by its own ``time.time()``.
    """

    request_id: str
    event: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int

    @property
    def headers(self) -> dict[str, str]:
        """The facts that travel beside the event."""
        return {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(self.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": self.trace_id,
        }


@dataclass(frozen=True)
class Result:
    """What a handler returned, or the error document of what it raised."""

    payload: bytes
    failed: bool


class RuntimeApi:
    """The API's state for one process: asking, busy with one invocation, or in neither."""

    def __init__(self) -> None:
        self.init_error: bytes | None = None
        self._asking = asyncio.Event()
        self._given: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._result: Result | None = None

    @property
    def result(self) -> Result | None:
        """What came of the invocation that was handed over last, as soon as it is known."""
        return self._result

    async def asked(self) -> None:
        """Wait until the process asks for an invocation: it is initialised, and done with any."""
        await self._asking.wait()

    def hand_over(self, invocation: Invocation) -> None:
        """Answer the process, which is asking, with an invocation."""
        self._asking.clear()
        self._result = None
        self._current = invocation
        self._given.put_nowait(invocation)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route(f"{VERSION}/invocation/next", self._next),
                Route(f"{VERSION}/invocation/{{id}}/response", self._response, methods=["POST"]),
                Route(f"{VERSION}/invocation/{{id}}/error", self._error, methods=["POST"]),
                Route(f"{VERSION}/init/error", self._init_error, methods=["POST"]),
            ]
        )

    async def _next(self, _: Request) -> Response:
        self._asking.set()
        invocation = await self._given.get()
        return Response(invocation.event, media_type="application/json", headers=invocation.headers)

    async def _response(self, request: Request) -> Response:
        body = await request.body()
        if len(body) <= ANSWER_LIMIT_BYTES:
            return self._take(request, Result(body, failed=False))
        message = (
            f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size "
            f"({ANSWER_LIMIT_BYTES} bytes)."
        )
        self._take(request, error_result("Function.ResponseSizeTooLarge", message))
        return _refusal("RequestEntityTooLarge", message, TOO_LARGE)

    async def _error(self, request: Request) -> Response:
        return self._take(request, Result(await request.body(), failed=True))

    async def _init_error(self, request: Request) -> Response:
        self.init_error = await request.body()
        return JSONResponse({"status": "OK"}, ACCEPTED)

    def _take(self, request: Request, result: Result) -> Response:
        asked = request.path_params["id"]
        if self._current is None or asked != self._current.request_id:
            return _refusal("InvalidRequestID", f"{asked} is not running", NOT_THIS_INVOCATION)
        self._current, self._result = None, result
        return JSONResponse({"status": "OK"}, ACCEPTED)


def error_result(kind: str, message: str) -> Result:
    """Return the error document that Lambda itself makes when no handler could."""
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


def _refusal(kind: str, message: str, status: int) -> Response:
    return JSONResponse({"errorType": kind, "errorMessage": message}, status)
