"""The control server: the local world's own levers and windows. Loopback only, never deployed.

Every answer is JSON. What a route cannot do answers 404, and bad input 400, naming what is
wrong; ``GET /`` lists the routes.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clock_file import ClockFile
from local.instance import Instance, state_letter
from local.telemetry import Telemetry
from local.ttl_sweeper import TtlSweeper
from shared.clock import Clock

PEER_SECONDS = 10.0
BAD_REQUEST = 400
NOT_FOUND = 404

ROUTES = {
    "GET /": "this list",
    "GET /clock": "the world's time and how far it runs ahead of the machine, in seconds",
    "POST /clock/advance": '{"seconds": N}: move time forward, then expire rows',
    "GET /differences": "how this world differs from AWS, and the declared properties it ignores",
    "GET /routers": "the router's processes: pid, state, requests served",
    "GET /denials": "calls that a role's policy refused",
    "GET /metrics": "?namespace=&name=: metrics that log lines became, each dimension set apart",
    "GET /problems": "telemetry that could not be delivered",
    "GET /bill": "the simulated providers' own books",
    "GET /requests": "what the simulated providers were asked",
    "POST /faults": "queue faults in the simulated providers",
    "GET /alarms": "not built yet",
    "GET /mailbox": "not built yet",
}
NOT_BUILT = ("alarms", "mailbox")


@dataclass(frozen=True)
class Control:
    """The parts of a running world that the control server shows or moves.

    ``simulator_url`` is None when real providers are called.
    """

    clock_file: ClockFile
    clock: Clock
    sweeper: TtlSweeper
    telemetry: Telemetry
    instances: Callable[[], Sequence[Instance]]
    differences: Sequence[str]
    ignored: Sequence[str]
    aws_url: str
    simulator_url: str | None

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/", _json(self._index)),
                Route("/clock", _json(self._clock)),
                Route("/clock/advance", _json(self._advance), methods=["POST"]),
                Route("/differences", _json(self._differences)),
                Route("/routers", _json(self._routers)),
                Route("/metrics", _json(self._metrics)),
                Route("/problems", _json(self._problems)),
                Route("/denials", self._denials),
                Route("/bill", self._bill),
                Route("/requests", self._requests),
                Route("/faults", self._faults, methods=["POST"]),
                *(Route(f"/{name}", _not_built) for name in NOT_BUILT),
            ],
            exception_handlers={HTTPException: _refusal},
        )

    async def _index(self, _: Request) -> object:
        return ROUTES

    async def _clock(self, _: Request) -> object:
        return {"now": self.clock(), "offset": self.clock_file.offset}

    async def _advance(self, request: Request) -> object:
        seconds = _seconds(await request.body())
        self.clock_file.advance(seconds)
        expired = await asyncio.to_thread(self.sweeper.sweep)
        return {"now": self.clock(), "offset": self.clock_file.offset, "expired_rows": expired}

    async def _differences(self, _: Request) -> object:
        return {"differences": list(self.differences), "ignored": list(self.ignored)}

    async def _routers(self, _: Request) -> object:
        return [
            {
                "pid": instance.pid,
                "state": "stopped" if instance.stopped else "running",
                "kernel_state": state_letter(instance.pid),
                "served": instance.served,
            }
            for instance in self.instances()
        ]

    async def _problems(self, _: Request) -> object:
        return list(self.telemetry.problems)

    async def _metrics(self, request: Request) -> object:
        await self.telemetry.flush()
        query = request.query_params
        wanted = {field: query[field] for field in ("namespace", "name") if field in query}
        return [
            shown
            for series in self.telemetry.series.values()
            if wanted.items() <= (shown := series.shown()).items()
        ]

    async def _denials(self, request: Request) -> Response:
        return await _pass_on(request, f"{self.aws_url}/_sluice/denials")

    async def _bill(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("books"))

    async def _requests(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("requests"))

    async def _faults(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("faults"))

    def _simulator(self, page: str) -> str:
        if self.simulator_url is None:
            raise HTTPException(NOT_FOUND, "real providers are called: no simulator runs")
        return f"{self.simulator_url}/_control/{page}"


def _json(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(request))

    return endpoint


def _seconds(body: bytes) -> float:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise HTTPException(BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(given, dict) or set(given) != {"seconds"}:
        raise HTTPException(BAD_REQUEST, 'the body has one field, "seconds"')
    seconds = given["seconds"]
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (number and math.isfinite(seconds) and seconds > 0):
        raise HTTPException(BAD_REQUEST, "seconds must be a positive finite number")
    return float(seconds)


async def _pass_on(request: Request, url: str) -> Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=PEER_SECONDS) as client:
        answer = await client.request(
            request.method, url, params=dict(request.query_params), content=await request.body()
        )
    kind = answer.headers.get("content-type", "application/json")
    return Response(answer.content, answer.status_code, media_type=kind)


async def _not_built(request: Request) -> Response:
    return _problem(f"{request.url.path} is not built yet: no alarms exist", NOT_FOUND)


async def _refusal(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else BAD_REQUEST
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    return _problem(f"{request.method} {request.url.path}: {detail}", status)


def _problem(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)
