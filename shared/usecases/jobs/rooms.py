"""Waiting rooms: how a job gets into one, which rows of one count, and what old rows still owe.

A row is written before its job says that it stands there, and taken away after the job has gone
on. So a job is never without a row that leads to it; a row without its job is told apart by the
revision that it was written for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.ids import request_of
from shared.domain.jobs.job import NOW, Calling, Job, JobError, Waiting, room_of
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import JobQueue, JobStore
from shared.usecases.holding import Holding

_TOGETHER: Final = 100
"""A BatchGetItem reads so many."""
_TRIES: Final = 20


class Rooms:
    """Moves jobs in and out of waiting rooms. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        jobs: JobStore,
        queue: JobQueue,
        holding: Holding,
        meter: Meter,
        times: JobTimes,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._queue = queue
        self._holding = holding
        self._meter = meter
        self._times = times
        self._clock = clock

    def occupied(self, provider: str) -> list[str]:
        """Return the rooms in which jobs wait for a provider's batches, whatever its models are."""
        return self._jobs.occupied(provider)

    def living(self, rows: Sequence[Waiting]) -> Iterator[tuple[Waiting, Job]]:
        """Yield the rows that still lead to something, with their jobs; tidies away the others."""
        for first in range(0, len(rows), _TOGETHER):
            some = rows[first : first + _TOGETHER]
            found = {job.id: job for job in self._jobs.get_many([(r.team, r.job) for r in some])}
            for row in some:
                job = found.get(row.job) or self._lost(row)
                if job is None or job.revision < row.number:
                    continue  # it is about to come, or never will: then it is barred later
                if job.is_owed_in(row):
                    yield row, job
                else:
                    self._jobs.unfile(row)

    def wait_again(self, job: Job, *, tries: int, company: int | None = None) -> Job:
        """Put a job whose line brought no answer back where it waits for another batch."""
        now = self._clock()
        return self._file(
            job,
            state="queued",
            room=room_of(job.entry.provider, job.entry.model),
            go_at=self._times.go_at(now, job.deadline),
            batch=None,
            tries=tries,
            company=job.company if company is None else company,
        )

    def call_now(self, job: Job, *, tries: int, pause: float = 0.0) -> Job:
        """Have a job called at once, as a new attempt at the price of that.

        The hold of the attempt before is not touched: it is the batch's as long as that is open.
        """
        entry = replace(job.entry, attempt=job.entry.attempt + 1, variant="standard")
        after = self._file(
            job,
            state="queued",
            mode="now",
            entry=entry,
            held=None,
            room=NOW,
            go_at=self._clock() + pause,
            batch=None,
            calling=None,
            tries=tries,
        )
        if not pause:
            self.nudge([after])
        return after

    def hurry(self, job: Job, *, tries: int) -> Job:
        """Have a job called at once that waited, or whose line has ended, with its hold unspent.

        The hold is given back by who calls, after the move is certain: whoever decided otherwise
        at the same time may have moved the job into another batch, with the same hold.
        """
        after = self._file(
            job, state="queued", mode="now", room=NOW, go_at=self._clock(), batch=None, tries=tries
        )
        self.nudge([after])
        return after

    def give_hold_back(self, job: Job) -> None:
        """End the hold of a job that came to rest while it waited, and take its row away."""
        if job.has_hold_left and job.hold is not None:
            self._holding.release(job.hold)
            after = job.changed(held=None)
            if self._jobs.move(job, after) != after:
                return
        self.leave(job)

    def fail(self, job: Job, error: JobError) -> Job:
        """End a job without an answer, unless it has ended."""
        return self.end(job, state="failed", error=error)

    def end(self, job: Job, **changes: object) -> Job:
        """Bring a job to rest unless it is; returns it as it stands then."""
        for _ in range(_TRIES):
            if job.is_at_rest:
                return job
            after = job.changed(**changes, finished_at=self._clock())
            job = self._jobs.move(job, after)
            if job == after:
                return job
        raise StoreUnavailable("jobs table")

    def stop_calling(self, job: Job, calling: Calling) -> Job:
        """Say that a call has ended, where the job still says that it is being made."""
        for _ in range(_TRIES):
            if job.calling != calling:
                return job
            after = job.changed(calling=None)
            job = self._jobs.move(job, after)
            if job == after:
                return job
        raise StoreUnavailable("jobs table")

    def nudge(self, jobs: Iterable[Job]) -> None:
        """Send messages; losing them loses time only, for the rooms are looked through anyway."""
        try:
            self._queue.send([(job.team, job.id) for job in jobs])
        except StoreUnavailable:
            self._meter.trouble("unsent")

    def leave(self, job: Job) -> None:
        """Take a job's own row away, once nothing is owed any more that it leads to."""
        self._jobs.unfile(job.row(0.0, 0))

    def _file(self, job: Job, **changes: object) -> Job:
        after = job.changed(**changes, filed=job.revision + 1)
        now = self._clock()
        self._jobs.file(after.row(now, int(job.deadline + self._times.grace), nudged_at=now))
        return self._jobs.move(job, after)

    def _lost(self, row: Waiting) -> Job | None:
        """Return the job of a row that was not there; give back the hold of one that never will be.

        Once the invocation that accepted it must have ended, no job can come any more: its id and
        its hold's place are closed, and no provider can have been asked.
        """
        if self._clock() < row.since + self._times.accepting:
            return None
        purge_at = int(row.deadline + self._times.kept)
        job = self._jobs.bar(row.team, row.job, purge_at)
        if job is not None:
            return job
        hold = self._holding.close_place(row.team, request_of(row.job), 1, row.expires_at)
        if hold is not None:
            self._holding.release(hold)
        self._jobs.unfile(row)
        self._meter.trouble("job_never_accepted", job=row.job)
        return None
