"""The way to a client that may hang up at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Send


class Delivery:
    """Sends one answer piece by piece and knows when the client is gone.

    An answer that is not finished when its handler returns makes uvicorn drop the connection,
    which is how a scripted disconnect is done.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._gone = asyncio.Event()

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._gone.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than the client does; 0 lets a hang-up be noticed."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and the headers."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Send some of the body at once."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """End the body in good order."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def watch(self, receive: Receive) -> None:
        """Notice the hang-up; the request's body must have been read."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone.set()


@asynccontextmanager
async def delivering(receive: Receive, send: Send) -> AsyncIterator[Delivery]:
    """Yield the delivery of one answer, watching the client until it ends."""
    delivery = Delivery(send)
    watcher = asyncio.create_task(delivery.watch(receive))
    try:
        yield delivery
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
