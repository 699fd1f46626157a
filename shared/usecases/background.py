"""Work that belongs to no response: it goes on when the caller hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from shared.domain.errors import GatewayError

T = TypeVar("T")


class Background:
    """Keeps tasks alive until they end and reports those that crash."""

    def __init__(self, report_crash: Callable[[BaseException], None]) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.report_crash = report_crash

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that no response owns."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that goes on to its end even if the awaiting response is cancelled."""
        return await asyncio.shield(self.spawn(work))

    async def drain(self) -> None:
        """Wait for everything that is still going on, as before a shutdown."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, GatewayError):
            self.report_crash(error)
