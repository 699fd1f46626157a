"""Where every open batch is worked on, as far as the clock has come.

Whoever looks at a batch, or at the books, first catches up with the clock, so that moving the
clock moves the batches. Very large ones are worked on for a little at a time and go on by
themselves: they show how far they are.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.simulator.batches.run import Run
    from local.simulator.clock import FileClock

SLICE_SECONDS = 0.02
"""For how long work keeps other requests waiting."""
PATIENCE_SECONDS = 1.0
"""For how long a request waits for work that is due."""
TICK_SECONDS = 0.1


class Floor:
    """The open runs."""

    def __init__(self, clock: FileClock) -> None:
        self._clock = clock
        self._open: list[Run] = []
        self._watch: asyncio.Task[None] | None = None

    def open(self, run: Run) -> None:
        """Begin to work on a run; an event loop must be running."""
        self._open.append(run)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_up())

    async def catch_up(self, patience: float = PATIENCE_SECONDS) -> None:
        """Do what is due by now, or as much of it as ``patience`` seconds allow."""
        give_up = time.monotonic() + patience
        more = self._work(self._clock.now())
        while more and time.monotonic() < give_up:
            await asyncio.sleep(0)
            more = self._work(self._clock.now())

    def reset(self) -> None:
        """Forget every run."""
        self._open.clear()

    async def _keep_up(self) -> None:
        while self._open:
            await self.catch_up()
            await asyncio.sleep(TICK_SECONDS)

    def _work(self, now: float) -> bool:
        """Work for one slice, the earliest first; tells whether anything is left to do."""
        end = time.monotonic() + SLICE_SECONDS
        while self._open:
            run = min(self._open, key=lambda run: run.next_due)
            if run.next_due > now:
                return False
            if time.monotonic() > end:
                return True
            run.step()
            if run.sealed:
                self._open.remove(run)
        return False
