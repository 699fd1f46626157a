"""Reads a job for its caller, waiting for its end as long as the caller likes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.errors import JobNotFound
from shared.domain.jobs.ids import request_of
from shared.domain.jobs.job import Job
from shared.ports.jobs import JobStore
from shared.usecases.jobs.bodies import answer_name

LONGEST_WAIT_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class ReadJob:
    """A job, and its answer in the format of its door once there is one."""

    job: Job
    answer: bytes | None


class JobReader:
    """The use case behind ``GET /v1/jobs/{id}``."""

    def __init__(self, jobs: JobStore, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._jobs = jobs
        self._clock = clock
        self._sleep = sleep

    async def __call__(self, team: str, job: str, wait_seconds: float = 0.0) -> ReadJob:
        """Return a job; another team's is not found. Raises ``JobNotFound``, ``StoreUnavailable``.

        A wait asks for the job some times, at growing intervals: 16 times in a minute.
        """
        try:
            request_of(job)
        except ValueError:
            raise JobNotFound(job) from None
        until = self._clock() + min(wait_seconds, LONGEST_WAIT_SECONDS)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            found = await asyncio.to_thread(self._jobs.get, team, job)
            if found is None:
                raise JobNotFound(job)
            left = until - self._clock()
            if found.is_at_rest or left <= 0:
                return await asyncio.to_thread(self._read, found)
            await self._sleep(min(pause, left))
            pause = min(pause * 3 / 2, _LONGEST_PAUSE_SECONDS)

    def _read(self, job: Job) -> ReadJob:
        """Read the answer, and say that it was delivered."""
        if job.answer is None:
            return ReadJob(job, None)
        answer = self._jobs.content(job.team, job.id, answer_name(job.answer))
        if job.state == "done" and answer is not None:
            job = self._jobs.move(job, job.changed(state="delivered"))
        return ReadJob(job, answer)
