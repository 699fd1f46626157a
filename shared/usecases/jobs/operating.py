"""What operators do to jobs: look at them, and end them."""

from __future__ import annotations

from typing import Final

from shared.clock import Clock
from shared.domain.jobs.ids import request_of
from shared.domain.jobs.job import Job, JobError
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import JobQueue, JobStore
from shared.usecases.holding import Holding
from shared.usecases.jobs.rooms import Rooms

CANCELLED: Final = JobError(
    409, "invalid_request_error", "job_cancelled", "An operator cancelled this call."
)


class NoSuchJob(LookupError):
    """A team has no job of this id; says so."""


class JobOperator:
    """Operators' hands on jobs. Raises ``NoSuchJob`` and ``StoreUnavailable``."""

    def __init__(
        self, jobs: JobStore, queue: JobQueue, holding: Holding, clock: Clock, meter: Meter
    ) -> None:
        self._jobs = jobs
        self._rooms = Rooms(jobs, queue, holding, meter, JobTimes(), clock)

    def job(self, team: str, job: str) -> Job:
        """Return a job."""
        try:
            request_of(job)
        except ValueError:
            raise NoSuchJob(f"{job!r} is no id of a job") from None
        found = self._jobs.get(team, job)
        if found is None:
            raise NoSuchJob(f"the team {team} has no job {job}")
        return found

    def cancel(self, team: str, job: str) -> Job:
        """End a job without an answer unless it has ended; returns it as it stands then.

        The hold of one that waited is given back at once. A line of a batch, or a call under way,
        ends by itself: what a provider bills for it is settled as ever, and nobody is told.
        """
        after = self._rooms.fail(self.job(team, job), CANCELLED)
        if after.error == CANCELLED and after.calling is None:
            self._rooms.give_hold_back(after)
        return after
