"""The control server: the local world's own levers and windows. Loopback only, never deployed.

Every answer is JSON. What a route cannot do answers 404, and bad input 400, naming what is
wrong; ``GET /`` lists the routes.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clock_file import ClockFile
from local.instance import Instance, state_letter
from local.json_page import json_page
from local.live_functions import LiveFunctions
from local.loopback import TRUSTS_NOBODY
from local.signal_pages import PAGES, SignalPages
from local.telemetry import Telemetry
from local.ttl_sweeper import TtlSweeper
from shared.clock import Clock

PEER_SECONDS = 60.0
BAD_REQUEST = 400
NOT_FOUND = 404

ROUTES = {
    "GET /": "this list",
    "GET /clock": "the world's time and how far it runs ahead of the machine, in seconds",
    "POST /clock/advance": '{"seconds": N}: move time forward, then expire rows',
    "GET /differences": "how this world differs from AWS, and the declared properties it ignores",
    "GET /routers": "the routers' processes: function, pid, state, requests served",
    "GET /functions": "the plain functions: their processes and the events under way",
    "GET /schedules": "the schedules: when each fires next, how often it has, what it failed of",
    "GET /queues": "the queues: messages visible, in flight, delayed and dead; their mappings",
    "POST /restart": '{"stack": NAME}: put new router processes in the place of one stack\'s',
    "GET /denials": "calls that a role's policy refused",
    "GET /metrics": "?namespace=&name=: metrics that log lines became, each dimension set apart",
    "GET /problems": "telemetry that could not be delivered",
    "GET /bill": "the simulated providers' own books",
    "GET /requests": "what the simulated providers were asked",
    "GET /batches": "the simulated providers' batches, as they show them",
    "POST /faults": "queue faults in the simulated providers",
    **PAGES,
}


class ServedStack(Protocol):
    """One stack of the world, as far as the control server shows or moves it."""

    @property
    def name(self) -> str:
        """The environment's name."""

    @property
    def telemetry(self) -> Telemetry:
        """What its functions printed, delivered."""

    @property
    def sweeper(self) -> TtlSweeper:
        """What expires its rows."""

    @property
    def instances(self) -> Sequence[Instance]:
        """Its router's processes."""

    @property
    def live(self) -> LiveFunctions:
        """Its plain functions, schedules and queues."""

    async def restart(self) -> None:
        """Put new processes in the place of those."""


@dataclass(frozen=True)
class Control:
    """The parts of a running world that the control server shows or moves.

    ``simulator_url`` is None when real providers are called.
    """

    clock_file: ClockFile
    clock: Clock
    stacks: Sequence[ServedStack]
    differences: Sequence[str]
    ignored: Sequence[str]
    aws_url: str
    simulator_url: str | None
    signals: SignalPages

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/", json_page(self._index)),
                Route("/clock", json_page(self._clock)),
                Route("/clock/advance", json_page(self._advance), methods=["POST"]),
                Route("/differences", json_page(self._differences)),
                Route("/routers", json_page(self._routers)),
                Route("/functions", json_page(self._functions)),
                Route("/schedules", json_page(self._schedules)),
                Route("/queues", json_page(self._queues)),
                Route("/restart", json_page(self._restart), methods=["POST"]),
                Route("/metrics", json_page(self._metrics)),
                Route("/problems", json_page(self._problems)),
                Route("/denials", self._denials),
                Route("/bill", self._bill),
                Route("/requests", self._requests),
                Route("/batches", self._batches),
                Route("/faults", self._faults, methods=["POST"]),
                *self.signals.routes(),
            ],
            exception_handlers={HTTPException: _refusal},
        )

    async def _index(self, _: Request) -> object:
        return ROUTES

    async def _clock(self, _: Request) -> object:
        return {"now": self.clock(), "offset": self.clock_file.offset}

    async def _advance(self, request: Request) -> object:
        seconds = _seconds(await request.body())
        # What happened before belongs to the time before.
        await self._settle()
        self.clock_file.advance(seconds)
        expired = [await asyncio.to_thread(stack.sweeper.sweep) for stack in self.stacks]
        await self._settle()
        offset = self.clock_file.offset
        return {"now": self.clock(), "offset": offset, "expired_rows": sum(expired)}

    async def _settle(self) -> None:
        for stack in self.stacks:
            await stack.telemetry.flush()
        await self.signals.settle()

    async def _differences(self, _: Request) -> object:
        return {"differences": list(self.differences), "ignored": list(self.ignored)}

    async def _routers(self, _: Request) -> object:
        return [_router(instance) for stack in self.stacks for instance in stack.instances]

    async def _functions(self, _: Request) -> object:
        return [shown for stack in self.stacks for shown in stack.live.shown_functions()]

    async def _schedules(self, _: Request) -> object:
        return [shown for stack in self.stacks for shown in stack.live.shown_schedules()]

    async def _queues(self, _: Request) -> object:
        shown = [await asyncio.to_thread(stack.live.shown_queues) for stack in self.stacks]
        return [queue for queues in shown for queue in queues]

    async def _restart(self, request: Request) -> object:
        wanted = _stack_name(await request.body())
        for stack in self.stacks:
            if stack.name == wanted:
                await stack.restart()
                return {"stack": wanted, "pids": [instance.pid for instance in stack.instances]}
        known = ", ".join(stack.name for stack in self.stacks)
        raise HTTPException(NOT_FOUND, f"no stack {wanted} runs here, only {known}")

    async def _problems(self, _: Request) -> object:
        return [problem for stack in self.stacks for problem in stack.telemetry.problems]

    async def _metrics(self, request: Request) -> object:
        for stack in self.stacks:
            await stack.telemetry.flush()
        query = request.query_params
        wanted = {field: query[field] for field in ("namespace", "name") if field in query}
        return [
            shown
            for stack in self.stacks
            for series in stack.telemetry.series.values()
            if wanted.items() <= (shown := series.shown()).items()
        ]

    async def _denials(self, request: Request) -> Response:
        return await _pass_on(request, f"{self.aws_url}/_sluice/denials")

    async def _bill(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("books"))

    async def _requests(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("requests"))

    async def _batches(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("batches"))

    async def _faults(self, request: Request) -> Response:
        return await _pass_on(request, self._simulator("faults"))

    def _simulator(self, page: str) -> str:
        if self.simulator_url is None:
            raise HTTPException(NOT_FOUND, "real providers are called: no simulator runs")
        return f"{self.simulator_url}/_control/{page}"


def _router(instance: Instance) -> dict[str, object]:
    return {
        "function": instance.child.name,
        "pid": instance.pid,
        "state": "stopped" if instance.stopped else "running",
        "kernel_state": state_letter(instance.pid),
        "served": instance.served,
    }


def _only_field(body: bytes, name: str) -> Any:
    try:
        given = json.loads(body)
    except ValueError as error:
        raise HTTPException(BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(given, dict) or set(given) != {name}:
        raise HTTPException(BAD_REQUEST, f'the body has one field, "{name}"')
    return given[name]


def _stack_name(body: bytes) -> str:
    name = _only_field(body, "stack")
    if not isinstance(name, str):
        raise HTTPException(BAD_REQUEST, "stack must be a text")
    return name


def _seconds(body: bytes) -> float:
    seconds = _only_field(body, "seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (number and math.isfinite(seconds) and seconds > 0):
        raise HTTPException(BAD_REQUEST, "seconds must be a positive finite number")
    return float(seconds)


async def _pass_on(request: Request, url: str) -> Response:
    async with httpx2.AsyncClient(
        trust_env=False, verify=TRUSTS_NOBODY, timeout=PEER_SECONDS
    ) as client:
        answer = await client.request(
            request.method, url, params=dict(request.query_params), content=await request.body()
        )
    kind = answer.headers.get("content-type", "application/json")
    return Response(answer.content, answer.status_code, media_type=kind)


async def _refusal(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else BAD_REQUEST
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    return _problem(f"{request.method} {request.url.path}: {detail}", status)


def _problem(message: str, status: int) -> Response:
    return JSONResponse({"error": message}, status)
