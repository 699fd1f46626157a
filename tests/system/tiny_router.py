"""A router of a few lines behind the real pool and front door: what their tests drive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from local import loopback
from local.declared import Function, Gateway, GatewayResponse, Route
from local.front_door import FrontDoor
from local.instance import Launch
from local.instance_pool import InstancePool, PoolLimits
from local.invocation import Invoker
from local.web_instance import WebInstance, start_web_instance

SCRIPT = """#!/bin/sh
exec python -m uvicorn tiny:app --host 127.0.0.1 --port "$AWS_LWA_PORT" \
  --loop asyncio --http h11 --log-level warning --no-access-log
"""

APP = """
import asyncio, json, os, pathlib, sys

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await globals()[scope["path"].strip("/").replace("-", "_")](scope, body, send)

async def start(send, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})

async def piece(send, data, more=True):
    await send({"type": "http.response.body", "body": data, "more_body": more})

async def health(scope, body, send):
    await start(send)
    await piece(send, b"", more=False)

async def echo(scope, body, send):
    seen = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    answer = {"method": scope["method"], "query": scope["query_string"].decode(),
              "headers": seen, "bytes": len(body), "environment": dict(os.environ),
              "pid": os.getpid()}
    await start(send, 201, [(b"WWW-Authenticate", b"Bearer"), (b"X-Mixed-Case", b"kept"),
                            (b"content-length", b"%d" % len(json.dumps(answer)))])
    await piece(send, json.dumps(answer).encode(), more=False)

async def stream(scope, body, send):
    await start(send)
    for number in range(4):
        await piece(send, b"piece %d\\n" % number)
        await asyncio.sleep(0.15)
    await piece(send, b"", more=False)

async def marked(scope, body, send):
    # Waits, answers in three pieces, and marks its end in a file once it is told to: what a
    # hang-up must not prevent.
    await asyncio.sleep(0.2)
    await start(send)
    for number in range(3):
        await piece(send, b"piece %d\\n" % number)
        await asyncio.sleep(0.1)
    mark = pathlib.Path(body.decode())
    while not mark.with_suffix(".go").exists():
        await asyncio.sleep(0.02)
    mark.write_text("finished")
    await piece(send, b"", more=False)

async def later(scope, body, send):
    async def leave_work():
        await asyncio.sleep(1.0)
        pathlib.Path(body.decode()).write_text("done later")
    app.task = asyncio.create_task(leave_work())
    await start(send)
    await piece(send, b"", more=False)

async def nap(scope, body, send):
    app.busy = getattr(app, "busy", 0) + 1
    crowd = app.busy
    await asyncio.sleep(float(body))
    app.busy -= 1
    await start(send)
    await piece(send, b"%d %d" % (crowd, os.getpid()), more=False)

async def silent(scope, body, send):
    await asyncio.sleep(60)

async def stalls(scope, body, send):
    await start(send)
    await piece(send, b"begun")
    await asyncio.sleep(60)

async def dies(scope, body, send):
    os._exit(3)

async def prints(scope, body, send):
    print(body.decode(), flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    await start(send)
    await piece(send, b"", more=False)
"""

DECLARED_THROTTLED = GatewayResponse(
    429,
    '{"error":{"message":"slow down (request id: $context.requestId)"}}',
    {
        "gatewayresponse.header.retry-after": "'1'",
        "gatewayresponse.header.x-request-id": "context.requestId",
    },
)


def function(**changes: object) -> Function:
    """Return a declared function whose start script is the tiny router's."""
    facts: dict[str, object] = {
        "name": "tiny",
        "handler": "run.sh",
        "role_arn": "arn:aws:iam::123456789012:role/tiny",
        "invoked_arn": "arn:aws:lambda:us-east-1:123456789012:function:tiny:live",
        "environment": {"AWS_LWA_READINESS_CHECK_PATH": "/health", "DECLARED": "yes"},
        "timeout_seconds": 20.0,
        "memory_mb": 512,
        "runtime": "python3.13",
        "version": "7",
        "log_group": "/aws/lambda/tiny",
    }
    return Function(**{**facts, **changes})  # type: ignore[arg-type]


def gateway(rate: float = 1000.0, burst: int = 1000) -> Gateway:
    """Return a declared API with the two usual routes and one response of its own."""
    routes = (Route("/", "ANY"), Route("/{proxy+}", "ANY"))
    return Gateway("api1", "live", routes, rate, burst, {"THROTTLED": DECLARED_THROTTLED})


@dataclass
class Tiny:
    """The running front door, its pool, and everything that was reported or printed."""

    endpoint: str
    port: int
    pool: InstancePool[WebInstance]
    client: httpx2.AsyncClient
    reports: list[str]
    lines: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Shape:
    """What a test varies."""

    limits: PoolLimits = field(default_factory=lambda: PoolLimits(1, 2, 10))
    function: Function = field(default_factory=function)
    gateway: Gateway = field(default_factory=gateway)
    idle_seconds: float = 30.0
    credentials: Callable[[], Mapping[str, str]] = dict


@asynccontextmanager
async def tiny(directory: Path, shape: Shape | None = None) -> AsyncIterator[Tiny]:
    """Run the tiny router in a directory until the block is left."""
    shape = shape or Shape()
    _write_program(directory)
    reports: list[str] = []
    lines: list[tuple[str, str, str]] = []
    launch = Launch(
        function=shape.function,
        code=directory,
        region="us-east-1",
        additions={"ADDED": "locally"},
        credentials=shape.credentials,
        sink=lambda *line: lines.append(line),
    )
    pool = InstancePool(lambda: start_web_instance(launch), shape.limits, reports.append)
    invoker = Invoker(shape.function, pool, time.time, reports.append)
    door = FrontDoor(shape.gateway, invoker, time.time, shape.idle_seconds)
    listener = loopback.bind(0)
    try:
        await pool.open()
        server = loopback.serve(door, listener)
        url = loopback.url_of(listener)
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            yield Tiny(url, listener.getsockname()[1], pool, client, reports, lines)
        await server.close()
    finally:
        await pool.close()
        listener.close()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for a condition; fails after so many seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 the condition is outside this process
            await asyncio.sleep(0.01)


def _write_program(directory: Path) -> None:
    (directory / "tiny.py").write_text(APP)
    script = directory / "run.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
