"""Brings what a blocking library reads to the event loop, item by item.

The library runs in a thread of its own, not in the loop's pool: a call that was given up sits in
its socket until the provider speaks or the socket times out, and must neither use up the threads
that read and write the ledger nor hold up the end of the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, closing
from typing import Final, Generic, TypeVar

T = TypeVar("T")

THREAD_NAME: Final = "handover"
_QUEUED: Final = 64
"""How far the thread may run ahead of the reader."""


@asynccontextmanager
async def from_thread(
    produce: Callable[[], Generator[T, None, None]],
) -> AsyncIterator[Handover[T]]:
    """Run a generator in a thread and hand over its items as they come.

    What it raises is raised by the reading. Once the reader has left, the generator is closed at
    its next item.
    """
    handover: Handover[T] = Handover(asyncio.get_running_loop())
    work = threading.Thread(target=handover.run, args=(produce,), name=THREAD_NAME, daemon=True)
    work.start()
    try:
        yield handover
    finally:
        handover.leave()


class _Ended:
    """Says that nothing follows, and why where it was not the natural end."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Handover(Generic[T]):
    """A bounded queue from one thread to one reader."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: asyncio.Queue[T | _Ended] = asyncio.Queue()
        self._room = threading.Semaphore(_QUEUED)
        # The loop may be closed once the reader has left: never wake it after that.
        self._leaving = threading.Lock()
        self._has_left = False

    def __aiter__(self) -> AsyncIterator[T]:
        """Return itself: there is one reader."""
        return self

    async def __anext__(self) -> T:
        """Wait for the next item."""
        item = await self._queue.get()
        self._room.release()
        if not isinstance(item, _Ended):
            return item
        self._queue.put_nowait(_Ended())
        if item.error is not None:
            raise item.error
        raise StopAsyncIteration

    def leave(self) -> None:
        """Take nothing more, and let a thread that waits for room go."""
        with self._leaving:
            self._has_left = True
        self._room.release()

    def run(self, produce: Callable[[], Generator[T, None, None]]) -> None:
        """Hand over everything a generator yields; the thread's main function."""
        try:
            with closing(produce()) as items:
                for item in items:
                    if not self._put(item):
                        return
        except BaseException as error:  # noqa: BLE001 -- handed over and raised by the reading
            self._put(_Ended(error))
        else:
            self._put(_Ended())

    def _put(self, item: T | _Ended) -> bool:
        """Wait for room and pass an item on; false once the reader has left."""
        if self._has_left:
            return False
        self._room.acquire()
        with self._leaving:
            if not self._has_left:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
            return not self._has_left
