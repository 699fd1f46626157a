"""Deferred calls with one thing wrong at a time; among them the naive ways to do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from shared.adapters.dynamodb.jobs import JOB_CONDITIONS, DynamoJobs
from shared.domain.jobs.job import Job
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import BatchFailure
from shared.usecases.holding import Holding
from shared.usecases.jobs.ending import Ending
from shared.usecases.jobs.job_lines import JobLines
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.jobs.sending import Sending

Mutation = Callable[[], AbstractContextManager[Any]]
_ALWAYS = "attribute_exists(pk) OR attribute_not_exists(pk)"


@contextmanager
def _without_condition(name: str) -> Iterator[None]:
    before = JOB_CONDITIONS[name]
    JOB_CONDITIONS[name] = f"({before}) OR {_ALWAYS}"
    try:
        yield
    finally:
        JOB_CONDITIONS[name] = before


def _send_again(self: Sending, batch: ProviderBatch, lane: Any) -> ProviderBatch:
    """Send once more what was not answered."""
    return self._move(batch, state="intent")


def _give_up_at_once(self: Sending, batch: ProviderBatch, lane: Any) -> ProviderBatch | None:
    """Take what is not found for what will never come."""
    found = self._providers[batch.provider].find(batch)
    return self._submitted(batch, found[0]) if found else self._move(batch, state="intent")


def _never_looked(self: Rooms, row: Any) -> None:
    """Leave rows without a job alone."""


def _forget(*_: Any, **__: Any) -> None:
    """What was asked for is not done."""


def _release_first(self: Rooms, job: Job, *, tries: int) -> Job:
    """Give the hold back before the move is certain, as a line that has ended would allow."""
    if job.hold is not None:
        self._holding.release(job.hold)
    return self.call_now(job, tries=tries)


_answered = JobLines._answered


def _announce_after(self: Sending, batch: ProviderBatch, lane: Any) -> ProviderBatch | None:
    """Create first and write it down after."""
    provider, asked = self._providers[batch.provider], self._files.asked(batch)
    try:
        return self._submitted(batch, provider.create(batch, asked))
    except BatchFailure:
        return None


def _done_before_settled(self: JobLines, line: Any, result: Any, job: Job | None) -> None:
    """Settle only the lines whose job is not done yet."""
    if job is not None and not job.is_at_rest:
        _answered(self, line, result, job)


def _promote_and_release(self: JobLines, batch: ProviderBatch, lines: Any) -> None:
    """Give the hold of a promoted line back though its batch goes on."""
    for line, job in self._jobs_of(lines):
        if self._is_of(batch, line, job) and job.hold is not None:
            self._holding.release(job.hold)
            self._meter.trouble("job_promoted", job=job.id)
            self._rooms.call_now(job, tries=job.tries)


def _row_after_job(self: Rooms, job: Job, **changes: object) -> Job:
    """Write the row after the job."""
    after = job.changed(**changes, filed=job.revision + 1)
    stands = self._jobs.move(job, after)
    self._jobs.file(after.row(self._clock(), int(job.deadline + self._times.grace)))
    return stands


STRUCTURAL: dict[str, Mutation] = {
    "a create without an answer is sent again": partial(
        patch.object, Sending, "_adopt", _send_again
    ),
    "a create that is not found is sent again at once": partial(
        patch.object, Sending, "_adopt", _give_up_at_once
    ),
    "a create is written down after it": partial(patch.object, Sending, "_submit", _announce_after),
    "jobs that never came are not looked for": partial(patch.object, Rooms, "_lost", _never_looked),
    "an id is not barred": partial(patch.object, DynamoJobs, "bar", lambda *_: None),
    "a hold's place is not closed": partial(patch.object, Holding, "close_place", lambda *_: None),
    "a hold is given back before the move": partial(patch.object, Rooms, "hurry", _release_first),
    "a line of a job that is done is not settled": partial(
        patch.object, JobLines, "_answered", _done_before_settled
    ),
    "a promoted line loses its hold": partial(
        patch.object, JobLines, "promote", _promote_and_release
    ),
    "a row is written after its job": partial(patch.object, Rooms, "_file", _row_after_job),
    "holds of jobs that came to rest are kept": partial(
        patch.object, Rooms, "give_hold_back", lambda self, job: self.leave(job)
    ),
    "what a provider is silent of is left": partial(
        patch.object, Ending, "_ends", lambda self, batch, manifest, seen, provider: iter(())
    ),
}


def mutations() -> dict[str, Mutation]:
    """Return every mutation by its name."""
    conditions: dict[str, Mutation] = {
        name: partial(_without_condition, name) for name in JOB_CONDITIONS
    }
    return conditions | STRUCTURAL
