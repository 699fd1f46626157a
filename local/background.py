"""A local world on a thread of its own, for tests and tools that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.ground import WorldSettings
from local.world import World, running


@dataclass
class _Thread:
    """The thread that runs the loop. The kernel ties every child process to it."""

    settings: WorldSettings
    ready: Future[World] = field(default_factory=Future)
    loop: asyncio.AbstractEventLoop | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        try:
            async with running(self.settings) as world:
                self.ready.set_result(world)
                await self.stop.wait()
        except BaseException as error:
            if self.ready.done():
                raise
            self.ready.set_exception(error)

    def end(self) -> None:
        if self.loop is not None and self.loop.is_running():
            self.loop.call_soon_threadsafe(self.stop.set)


@contextmanager
def world_in_background(settings: WorldSettings) -> Iterator[World]:
    """Run a world until the block is left; raises what its start raised.

    Only the world's URLs, facts and AWS clients may be used from the caller's thread.
    """
    thread = _Thread(settings)
    worker = threading.Thread(target=thread.run, name="local-world")
    worker.start()
    try:
        yield thread.ready.result()
    finally:
        thread.end()
        worker.join()
