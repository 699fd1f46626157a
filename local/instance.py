"""One execution environment of a function: a real process that is stopped while it is idle.

Lambda freezes an environment between invocations. SIGSTOP does the same here, so work that a
request leaves for later stays undone until the next one, as it would on AWS.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from local import children
from local.declared import Function

HEALTHY_BELOW = 500
"""The Web Adapter's default: any answer below 500 means that the server is up."""

POLL_SECONDS = 0.02

Header = tuple[bytes, bytes]
LineSink = Callable[[str, str, str], None]
"""Takes the function's name, the stream's name (``stdout`` or ``stderr``) and a line."""


class InstanceFailed(RuntimeError):
    """A function's process did not come up. Says its last lines."""


@dataclass(frozen=True)
class Head:
    """Status and headers of an answer, names as the function sent them."""

    status: int
    headers: list[Header]


@dataclass(frozen=True)
class Request:
    """A request as the Web Adapter hands it to the function's server."""

    method: str
    target: bytes
    headers: list[Header]
    body: bytes


@dataclass(frozen=True)
class Launch:
    """How instances of one function are started.

    ``code`` is the folder that stands for ``/var/task``, ``additions`` are the variables that
    only the local world sets; ``credentials`` returns the ``AWS_*`` credential variables of the
    function's role, asked for anew at each start.
    """

    function: Function
    code: Path
    region: str
    additions: Mapping[str, str]
    credentials: Callable[[], Mapping[str, str]]
    sink: LineSink

    def environment(self, port: int) -> dict[str, str]:
        """Return the whole environment of one instance, declared variables included."""
        return {
            **children.base_environment(),
            **lambda_environment(self.function, self.region, self.code),
            **self.function.environment,
            **self.additions,
            **self.credentials(),
            "AWS_LWA_PORT": str(port),
        }


def lambda_environment(function: Function, region: str, root: Path) -> dict[str, str]:
    """Return the variables that Lambda itself sets.

    Source: AWS Lambda developer guide, "Defined runtime environment variables".
    """
    return {
        "_HANDLER": function.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "LAMBDA_TASK_ROOT": str(root),
        "TZ": ":UTC",
    }


class Instance:
    """One process of a function, handling one request at a time."""

    def __init__(self, child: children.Child, port: int) -> None:
        self.child = child
        self.served = 0
        self.stopped = False
        self._port = port
        # A connection of its own for every request: one kept open would meet the server's
        # keep-alive timer, which has run out whenever the process wakes from a long stop.
        self._transport = httpx2.AsyncHTTPTransport(
            limits=httpx2.Limits(max_keepalive_connections=0)
        )

    @property
    def pid(self) -> int:
        """The process id of the function's server."""
        return self.child.pid

    def stop(self) -> None:
        """Freeze the process, as Lambda does between invocations."""
        self.child.signal(signal.SIGSTOP)
        self.stopped = True

    def resume(self) -> None:
        """Let the process run for one invocation."""
        self.child.signal(signal.SIGCONT)
        self.stopped = False

    async def kill(self) -> None:
        """End the process and its connections."""
        await self.child.kill()
        await self._transport.aclose()

    async def exchange(self, request: Request) -> AsyncGenerator[Head | bytes, None]:
        """Send one request; yield the head of the answer, then its body as it arrives.

        Raises ``httpx2.TransportError`` if the process dies or breaks the protocol.
        """
        self.served += 1
        response = await self._transport.handle_async_request(self._outgoing(request))
        try:
            yield Head(response.status_code, list(response.headers.raw))
            async for chunk in response.aiter_raw():
                yield chunk
        finally:
            await response.aclose()

    def _outgoing(self, request: Request) -> httpx2.Request:
        return httpx2.Request(
            request.method,
            f"http://127.0.0.1:{self._port}/",
            headers=request.headers,
            content=request.body,
            extensions={"target": request.target, "timeout": {"connect": 5.0}},
        )

    async def wait_until_ready(self, path: str) -> None:
        """Poll the readiness path until it answers; raises :class:`InstanceFailed`."""
        probe = Request("GET", path.encode(), [(b"host", b"127.0.0.1")], b"")
        try:
            async with asyncio.timeout(children.READY_SECONDS):
                while not await self._answers(probe):
                    if not self.child.running:
                        raise InstanceFailed(f"{self.child.name} ended:\n{self.child.story()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise InstanceFailed(f"{self.child.name} is not ready:\n{self.child.story()}") from None

    async def _answers(self, probe: Request) -> bool:
        try:
            response = await self._transport.handle_async_request(self._outgoing(probe))
            await response.aread()
        except httpx2.TransportError:
            return False
        return response.status_code < HEALTHY_BELOW


async def start_instance(launch: Launch) -> Instance:
    """Start one instance and return it running and ready; raises :class:`InstanceFailed`."""
    function = launch.function
    port = free_port()
    script = launch.code / function.handler
    if not os.access(script, os.X_OK):
        raise InstanceFailed(f"{function.name}: start script {script} is not executable")
    environment = await asyncio.to_thread(launch.environment, port)
    child = await children.start(function.name, [str(script)], environment, launch.code)
    child.pump(child.process.stdout, lambda line: launch.sink(function.name, "stdout", line))
    child.pump(child.process.stderr, lambda line: launch.sink(function.name, "stderr", line))
    instance = Instance(child, port)
    try:
        await instance.wait_until_ready(function.readiness_path)
    except BaseException:
        await instance.kill()
        raise
    return instance


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def state_letter(pid: int) -> str:
    """Return the kernel's state of a process (``T`` is stopped), or ``?`` without /proc."""
    if sys.platform != "linux":
        return "?"
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return stat.rpartition(")")[2].split()[0]
