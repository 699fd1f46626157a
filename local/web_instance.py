"""An instance behind the Lambda Web Adapter: a start script whose server answers over HTTP.

The adapter is played by :mod:`local.front_door` and this: the server is started with the port it
shall listen on, polled until it is ready, and handed one request at a time.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2

from local import children
from local.instance import Instance, InstanceFailed, Launch
from local.loopback import TRUSTS_NOBODY

HEALTHY_BELOW = 500
"""The Web Adapter's default: any answer below 500 means that the server is up."""

POLL_SECONDS = 0.02
CONNECT_SECONDS = 60.0
"""Long, for the sake of a busy machine: what a caller waits for is bounded by the invocation."""

Header = tuple[bytes, bytes]


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


class WebInstance(Instance):
    """A process of a function that answers requests."""

    def __init__(self, child: children.Child, port: int) -> None:
        super().__init__(child)
        self._port = port
        # A connection of its own for every request: one kept open would meet the server's
        # keep-alive timer, which has run out whenever the process wakes from a long stop.
        self._transport = httpx2.AsyncHTTPTransport(
            limits=httpx2.Limits(max_keepalive_connections=0), verify=TRUSTS_NOBODY
        )

    async def kill(self) -> None:
        """End the process and its connections."""
        await super().kill()
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
            extensions={"target": request.target, "timeout": {"connect": CONNECT_SECONDS}},
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


async def start_web_instance(launch: Launch) -> WebInstance:
    """Start one instance and return it running and ready; raises :class:`InstanceFailed`."""
    function = launch.function
    port = free_port()
    script = launch.code / function.handler
    if not os.access(script, os.X_OK):
        raise InstanceFailed(f"{function.name}: start script {script} is not executable")
    child = await launch.start([str(script)], {"AWS_LWA_PORT": str(port)})
    instance = WebInstance(child, port)
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
