"""Jobs as the owners of lines: each line is one job, with a hold and a usage row of its own.

Whatever happens to a line's money is told by the line and by the ledger, never by the job: a job
may have gone on without the line (promoted), and the hold is then still the line's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.budgets import Hold
from shared.domain.errors import InvalidRequest, StoreUnavailable
from shared.domain.jobs.job import MOST_TRIES, Job, hold_of
from shared.domain.jobs.lines import Claimed, Ended, Line, LineResult, Planned
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.times import JobTimes
from shared.domain.notes import notes
from shared.ports.calls import Meter, Store
from shared.ports.jobs import JobStore
from shared.usecases.holding import Holding
from shared.usecases.jobs.answers import (
    NOT_TAKEN,
    Answer,
    Answers,
    may_go_again,
    told,
    why_not,
)
from shared.usecases.jobs.bodies import BODY, Asked, Wires, answer_name, asked_in
from shared.usecases.jobs.late_rows import LateRows
from shared.usecases.jobs.rooms import Rooms

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Does a work for each of some items, in their order: ``map``, or a pool of threads'."""


class JobLines:
    """Implements ``LineOwner`` for deferred calls."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        rooms: Rooms,
        store: Store,
        holding: Holding,
        late_rows: LateRows,
        answers: Answers,
        catalog: Catalog,
        meter: Meter,
        times: JobTimes,
        clock: Clock,
        each: Each = map,
    ) -> None:
        self._jobs = jobs
        self._rooms = rooms
        self._store = store
        self._holding = holding
        self._late_rows = late_rows
        self._answers = answers
        self._catalog = catalog
        self._wires = Wires(catalog)
        self._meter = meter
        self._times = times
        self._clock = clock
        self._each = each

    def claim(self, batch: ProviderBatch, planned: Sequence[Planned]) -> list[Claimed]:
        """Move jobs to a batch and read what they ask."""
        places = [(each.team, each.id) for each in planned]
        found = {job.id: job for job in self._jobs.get_many(places)}

        def bound(plan: Planned) -> Claimed | None:
            job = self._bound(batch, plan, found.get(plan.id))
            return None if job is None else self._claimed(job, plan)

        return [each for each in self._each(bound, planned) if each is not None]

    def let_go(self, batch: ProviderBatch, planned: Sequence[Planned]) -> None:
        """Let the jobs go on that are bound to the batch; each keeps its hold."""
        for job in self._jobs.get_many([(each.team, each.id) for each in planned]):
            if job.state == "assigned" and job.batch == batch.id:
                self._go_on(batch, job, tries=job.tries, company=job.company)

    def give_back(self, batch: ProviderBatch, lines: Sequence[Line], company: int) -> None:
        """Let the jobs wait again, those that are still the batch's; of others end the holds."""
        jobs = {line.id: job for line, job in self._jobs_of(lines)}
        for line in lines:
            job = jobs.get(line.id)
            if job is not None and self._is_of(batch, line, job):
                self._go_on(batch, job, tries=job.tries, company=company)
            else:
                self._end_hold_of_stray(line, job)

    def settle(self, batch: ProviderBatch, ended: Sequence[Ended]) -> None:
        """Settle each line by itself."""
        self._late_rows.expect(_hold(each.line) for each in ended)
        jobs = {line.id: job for line, job in self._jobs_of([each.line for each in ended])}

        def one(each: Ended) -> None:
            job = jobs.get(each.line.id)
            if each.result is not None and each.result.status == "succeeded":
                self._answered(each.line, each.result, job)
            else:
                self._unanswered(batch, each.line, each.result, job)

        list(self._each(one, ended))

    def set_aside(self, batch: ProviderBatch, line: Line) -> None:
        """Charge a line in full, in doubt, and fail its job unless that has gone on without it."""
        self._late_rows.expect([_hold(line)])
        self._holding.expire(_hold(line))
        for _, job in self._jobs_of([line]):
            if self._is_of(batch, line, job):
                self._rooms.fail(job, NOT_TAKEN)

    def promote(self, batch: ProviderBatch, lines: Sequence[Line]) -> None:
        """Have the jobs called that are still the batch's; the line keeps its hold."""
        own = [job for line, job in self._jobs_of(lines) if self._is_of(batch, line, job)]

        def one(job: Job) -> None:
            self._meter.trouble("job_promoted", job=job.id, batch=batch.id)
            self._rooms.call_now(job, tries=job.tries)

        list(self._each(one, own))

    def _bound(self, batch: ProviderBatch, plan: Planned, job: Job | None) -> Job | None:
        # Nothing but the revision decides: two processes that claim for a batch bind the same jobs.
        if job is not None and job.state == "queued" and job.revision == plan.revision:
            after = job.changed(state="assigned", batch=batch.id)
            job = self._jobs.move(job, after)
        if job is None or job.batch != batch.id or job.held is None:
            return None
        # One that an operator cancelled after it was bound stays: another process may have written
        # it into the manifest that counts, and its hold ends with its line.
        self._rooms.leave(job)
        return job

    def _claimed(self, job: Job, plan: Planned) -> Claimed | None:
        """Return a job's line; one that cannot be asked any more fails."""
        try:
            asked, model = self._asked(job), self._model_of(job)
            wire = self._wires.body(asked, model, job.team, alike=plan.alike)
        except InvalidRequest as error:
            if job.hold is not None:
                self._holding.release(job.hold)
            self._rooms.fail(job, told(error))
            return None
        return Claimed(_line_of(job), wire.raw)

    def _asked(self, job: Job) -> Asked:
        content = self._jobs.content(job.team, job.id, BODY)
        if content is None:
            raise InvalidRequest("What was asked is not kept any more.")
        return asked_in(content)

    def _model_of(self, job: Job) -> Model:
        return self._catalog.model(job.entry.model, utc(self._clock()))

    def _jobs_of(self, lines: Sequence[Line]) -> list[tuple[Line, Job]]:
        found = {
            job.id: job for job in self._jobs.get_many([(each.team, each.id) for each in lines])
        }
        return [(line, found[line.id]) for line in lines if line.id in found]

    def _is_of(self, batch: ProviderBatch, line: Line, job: Job) -> bool:
        is_same = job.entry.attempt == line.entry.attempt
        return is_same and job.state == "assigned" and job.batch == batch.id

    def _answered(self, line: Line, result: LineResult, job: Job | None) -> None:
        """Settle, keep the answer, cache it, and only then say that the job is done."""
        answer = self._answers.of(line, result, lambda: self._asked_body(line))
        is_settled = self._holding.settle_later(_hold(line), answer.settlement)
        if answer.body:
            name = answer_name(line.entry.attempt)
            self._jobs.put_content(line.team, line.id, name, answer.body)
        self._cache(answer)
        if job is not None and not job.is_at_rest:
            self._finish(job, line, answer)
        if is_settled:
            seconds = self._clock() - line.entry.opened_at
            self._meter.settled(line.entry, answer.settlement, seconds)

    def _finish(self, job: Job, line: Line, answer: Answer) -> None:
        if answer.error is None:
            told_of = dict(notes(line.entry, answer.settlement))
            self._rooms.end(job, state="done", answer=line.entry.attempt, notes=told_of)
        elif job.entry.attempt == line.entry.attempt:
            self._rooms.fail(job, answer.error)

    def _unanswered(
        self, batch: ProviderBatch, line: Line, result: LineResult | None, job: Job | None
    ) -> None:
        """Deal with a line that provably was not billed."""
        if job is None or not self._is_of(batch, line, job):
            self._end_hold_of_stray(line, job)
            return
        tries = job.tries + (result is None or result.status != "canceled")
        if may_go_again(result) and tries < MOST_TRIES and self._clock() < job.deadline:
            self._go_on(batch, job, tries=tries, company=job.company)
        else:
            self._give_up(line, job, result)

    def _end_hold_of_stray(self, line: Line, job: Job | None) -> None:
        """Give the hold back of a line that was not billed and whose job has gone on without it.

        Where the job has not (it waits again, with the attempt of the line), the hold is the job's.
        """
        if job is None or job.entry.attempt > line.entry.attempt or job.is_at_rest:
            self._holding.release(_hold(line))

    def _give_up(self, line: Line, job: Job, result: LineResult | None) -> None:
        """Fail a job, if nobody has decided otherwise, and give its hold back after that."""
        why = why_not(line.entry.provider, result)
        after = job.changed(state="failed", error=why, finished_at=self._clock())
        if self._jobs.move(job, after) == after:
            self._holding.release(_hold(line))
            nothing = self._answers.unanswered(line)
            self._meter.settled(line.entry, nothing, self._clock() - line.entry.opened_at)

    def _go_on(self, batch: ProviderBatch, job: Job, *, tries: int, company: int) -> None:
        if self._times.is_for_batch(self._clock(), job.deadline, batch.early):
            self._rooms.wait_again(job, tries=tries, company=company)
        else:
            self._rooms.hurry(job, tries=tries)

    def _cache(self, answer: Answer) -> None:
        """Store it; what cannot be cached costs another call, never the answer."""
        if answer.stored is None:
            return
        purge_at = answer.stored.expires_at + self._catalog.freshness.memory_seconds
        with suppress(StoreUnavailable):
            self._store.put_answer(answer.stored, purge_at)

    def _asked_body(self, line: Line) -> dict[str, Any]:
        content = self._jobs.content(line.team, line.id, BODY)
        return {} if content is None else asked_in(content).body


def _line_of(job: Job) -> Line:
    if job.held is None:
        raise ValueError(f"{job.id} has no hold")
    return Line("job", job.id, job.entry, job.key_digest, job.held, job.wish, job.deadline)


def _hold(line: Line) -> Hold:
    return hold_of(line.entry, line.key_digest, line.held)
