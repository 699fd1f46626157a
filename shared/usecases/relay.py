"""Between a provider's stream and the caller: a bounded queue that outlives the caller.

The producer is a task that no response owns. While the caller reads, a full queue slows the
provider down; once the caller has hung up, frames are dropped and the producer runs on to its
settlement.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from shared.domain.errors import GatewayError
from shared.domain.sse import KEEP_ALIVE

_QUEUED_FRAMES: Final = 64
_READER_SECONDS: Final = 30.0
"""How long a caller who reads nothing may hold the provider up before it is given up."""

_End = None


class Relay:
    """One stream on its way to one caller."""

    def __init__(
        self, render_error: Callable[[GatewayError], bytes], keep_alive_seconds: float
    ) -> None:
        self._queue: asyncio.Queue[bytes | GatewayError | None] = asyncio.Queue(_QUEUED_FRAMES)
        self._render_error = render_error
        self._keep_alive_seconds = keep_alive_seconds
        self._first: list[bytes | GatewayError | None] = []
        self._is_abandoned = False
        self.notes: dict[str, str] = {}
        """What is known of the answer when it begins; the producer sets it."""

    async def send(self, frame: bytes) -> None:
        """Pass a frame on; waits while the caller is slower than the provider."""
        await self._put(frame)

    @asynccontextmanager
    async def feeding(self) -> AsyncIterator[None]:
        """Wrap the producer: however it ends, the caller's stream ends too.

        A refusal becomes the stream's error; a crash becomes one as well and goes on up.
        """
        try:
            yield
        except GatewayError as error:
            await self._put(error)
        except BaseException:
            await self._put(GatewayError("The gateway failed while it read the answer."))
            raise
        else:
            await self._put(_End)

    async def begun(self) -> None:
        """Wait for the first frame, for as long as a caller may be left without a byte.

        Raises the error of a call that failed before its first frame, so that it still gets
        its own HTTP status.
        """
        try:
            first = await self._next()
        except BaseException:
            self.abandon()
            raise
        if isinstance(first, GatewayError):
            raise first
        self._first.append(first)

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield the frames, and comments while the provider is silent."""
        while (item := await self._next()) is not _End:
            if isinstance(item, GatewayError):
                yield self._render_error(item)
                return
            yield item

    async def _next(self) -> bytes | GatewayError | None:
        if self._first:
            return self._first.pop()
        if not self._queue.empty():  # A timeout costs more than the frame that it would guard.
            return self._queue.get_nowait()
        try:
            async with asyncio.timeout(self._keep_alive_seconds):
                return await self._queue.get()
        except TimeoutError:
            return KEEP_ALIVE

    async def _put(self, item: bytes | GatewayError | None) -> None:
        if self._is_abandoned:
            return
        if not self._queue.full():
            self._queue.put_nowait(item)
            return
        try:
            async with asyncio.timeout(_READER_SECONDS):
                await self._queue.put(item)
        except TimeoutError:
            self.abandon()
            self._queue.put_nowait(GatewayError("The caller stopped reading the stream."))

    def abandon(self) -> None:
        """Stop reading: drop what is queued, which also frees a producer that waits for room.

        The door calls this when it is done with the response, however that came about.
        """
        self._is_abandoned = True
        while not self._queue.empty():
            self._queue.get_nowait()
