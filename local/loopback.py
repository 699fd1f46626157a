"""HTTP servers of this process, on loopback only."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 1
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP only: reading the list of who to trust costs 50 ms of CPU."""


class PortBusy(RuntimeError):
    """Another program listens on the port."""


def bind(port: int) -> socket.socket:
    """Return a socket bound to a loopback port, 0 for any free one; raises :class:`PortBusy`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Connections of an earlier run that are still closing do not make a port busy.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"port {port} on {LOOPBACK} is in use by another program") from error
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: the world has one handler for all its servers."""
        yield


@dataclass
class LoopbackServer:
    """One ASGI application served in the background of the running event loop."""

    server: uvicorn.Server
    task: asyncio.Task[None]

    async def close(self) -> None:
        """Stop listening and end open connections within :data:`GRACE_SECONDS`."""
        self.server.should_exit = True
        await self.task


def serve(application: Callable[..., Awaitable[Any]], listener: socket.socket) -> LoopbackServer:
    """Serve an ASGI application on a bound socket; it already accepts connections.

    Needs a running event loop.
    """
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=60,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    return LoopbackServer(server, task)
