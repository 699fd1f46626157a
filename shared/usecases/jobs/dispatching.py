"""What is done for a message: the cache is asked once more, and who must go now is called."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import Job
from shared.ports.calls import Meter
from shared.ports.jobs import JobQueue, JobStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.calling import CallNow
from shared.usecases.jobs.submitting import Submitter

Place = tuple[str, str]
"""A team and the id of one of its jobs."""
SUBMIT_SECONDS: Final = 200.0
"""What it may take to claim and upload a full batch: a third of a dispatcher's time."""
CALL_SECONDS: Final = 310.0
"""What a call may take, with what is written before and after it."""
AT_ONCE: Final = 8
"""Calls that one dispatcher makes side by side: each waits for a provider most of the time."""


class Dispatcher:
    """Handles messages. The same message may come again, and at once to two dispatchers."""

    def __init__(
        self,
        jobs: JobStore,
        call_now: CallNow,
        submitter: Submitter,
        queue: JobQueue,
        meter: Meter,
        clock: Clock,
        at_once: int = AT_ONCE,
    ) -> None:
        self._jobs = jobs
        self._call_now = call_now
        self._submitter = submitter
        self._queue = queue
        self._meter = meter
        self._clock = clock
        self._at_once = at_once

    async def handle(self, places: Sequence[Place], until: float = math.inf) -> list[Place]:
        """Handle messages; returns those that could not be handled and are to come again.

        No call is begun that might not have ended by ``until``, in epoch seconds: then another
        message is sent, for this one was not at fault and is not to end among the dead letters.
        A message for a job that is not there has nobody to tell: it is done. What fails
        unexpectedly is told and comes again; all others are done.
        """
        jobs: list[Job] | None = None
        with Crashes(self._meter).kept(part="messages"), suppress(StoreUnavailable):
            jobs = await asyncio.to_thread(self._jobs.get_many, list(dict.fromkeys(places)))
        if jobs is None:
            return list(places)
        turns = asyncio.Semaphore(self._at_once)
        ended = await asyncio.gather(*(self._one(job, turns, until) for job in jobs))
        failed = {place for place in ended if place is not None}
        await self._submit(jobs, until - SUBMIT_SECONDS)
        return [place for place in places if place in failed]

    async def _one(self, job: Job, turns: asyncio.Semaphore, until: float) -> Place | None:
        async with turns:
            with Crashes(self._meter).kept(job=job.id), suppress(StoreUnavailable):
                if job.mode != "now":
                    await asyncio.to_thread(self._call_now.from_cache, job)
                    return None
                if self._clock() + CALL_SECONDS <= until:
                    await self._call_now(job)
                else:
                    await asyncio.to_thread(self._queue.send, [(job.team, job.id)])
                return None
        return job.team, job.id

    async def _submit(self, jobs: Sequence[Job], until: float) -> None:
        """Send what must go by now, where these jobs are among it; all else waits for a tick."""
        now = self._clock()
        due = {job.entry.provider for job in jobs if job.mode == "batch" and job.go_at <= now}
        for provider in sorted(due):
            with Crashes(self._meter).kept(provider=provider):
                try:
                    await asyncio.to_thread(self._submitter.run, provider, until)
                except StoreUnavailable:
                    self._meter.trouble("unsubmitted", provider=provider)
