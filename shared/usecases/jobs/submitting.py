"""Brings waiting jobs to providers, each batch exactly once.

All of it is done in a provider's lane, by one process at a time. Every step is written down before
it is taken and is carried out from what is written down, so that the next process goes on where
one died. The one step that cannot be repeated is the create: it is announced first (SUBMITTING);
after that, nothing is sent again before the provider was looked at, and then only once a call on
its way must have arrived.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import ANY_COMPANY, Waiting, room_of
from shared.domain.jobs.lines import Claimed, Ended, Line, LineResult, Owner, Planned
from shared.domain.jobs.planning import Group, Limits, due_groups
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.provider_errors import (
    BatchAnswerLost,
    BatchFailure,
    BatchNotTaken,
    BatchRefused,
)
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import BatchProvider, BatchStore, JobStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.batch_files import BatchFiles, FilesGone
from shared.usecases.jobs.chunks import chunks
from shared.usecases.jobs.lanes import HeldLane, LaneLost, Lanes
from shared.usecases.jobs.owners import SETTLED_TOGETHER, LineOwner
from shared.usecases.jobs.rooms import Rooms

Owned = TypeVar("Owned", Planned, Line, Ended)
_CLAIMED_TOGETHER: Final = 100
_MOST_CLAIMED: Final = 20_000
"""Lines that are planned together: claiming so many takes a minute or two, and one run does it."""
_MOST_SUBMITS: Final = 3
"""After so many creates of which nothing was seen, the lines go on in halves, as if refused."""
_NEVER_ANSWERED: Final = "no create was answered"
_READ_ROWS: Final = 120_000
_PLANNED_BEFORE_SECONDS: Final = 8 * 24 * 3600.0
"""Longer than from the plan of a batch to its submission: no deadline is as far."""
_PAUSE_SECONDS: Final = 60.0
"""How long a provider that takes nothing is left alone, where it does not say."""


class Submitter:
    """Plans, claims and submits. Raises ``StoreUnavailable``; then the next run goes on."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        batches: BatchStore,
        files: BatchFiles,
        rooms: Rooms,
        lanes: Lanes,
        providers: Mapping[str, BatchProvider],
        owners: Mapping[Owner, LineOwner],
        catalog: Catalog,
        meter: Meter,
        times: JobTimes,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._jobs = jobs
        self._batches = batches
        self._files = files
        self._rooms = rooms
        self._lanes = lanes
        self._providers = providers
        self._owners = owners
        self._catalog = catalog
        self._meter = meter
        self._times = times
        self._clock = clock
        self._new_id = new_id

    def run(self, provider: str, until: float = math.inf) -> None:
        """Go on with what was begun at a provider, and send what must go.

        No step is begun after ``until``, in epoch seconds. Raises ``Crashed`` once all had their
        turn, where one failed unexpectedly.
        """
        lane = self._lanes.take(provider) if self._clock() < until else None
        if lane is None:
            return
        crashes = Crashes(self._meter)
        try:
            if self._has_gone_on(provider, lane, until, crashes):
                with crashes.kept(LaneLost, StoreUnavailable, provider=provider):
                    self._send_due(provider, lane, until)
            lane.leave()
        except LaneLost:
            self._meter.trouble("lane_lost", provider=provider)
        crashes.raise_any()

    def rooms_of(self, provider: str) -> list[str]:
        """Return the rooms in which jobs wait for a provider's batches."""
        now = utc(self._clock())
        return [
            room_of(provider, model.id)
            for model in self._catalog.models.values()
            if model.provider == provider and model.is_batch_priced(now)
        ]

    def _has_gone_on(self, provider: str, lane: HeldLane, until: float, crashes: Crashes) -> bool:
        """Go on with what was begun; False where one stands in the way of what is to be sent.

        What has nothing to do with the provider is done for all of them, whoever is in the way.
        """
        may_send, keeps_ids = True, self._providers[provider].keeps_ids
        for batch in self._standing(provider):
            is_through = False
            has_crashed = True
            with crashes.kept(LaneLost, StoreUnavailable, batch=batch.id):
                is_through = self._go_on(batch, lane, until, may_send=may_send)
                has_crashed = False
            # Where a batch is found by our id, one that is looked for confuses no other.
            is_aside = keeps_ids and (has_crashed or batch.state == "submitting")
            may_send = may_send and (is_through or is_aside)
        return may_send

    def _standing(self, provider: str) -> list[ProviderBatch]:
        """Return what was begun, what is given back first: its lines may be in a hurry."""
        found = [each for each in self._batches.open_batches() if each.provider == provider]
        found.sort(key=lambda batch: batch.state != "aborting")
        return [batch for batch in found if batch.state != "submitted"]

    def _send_due(self, provider: str, lane: HeldLane, until: float) -> None:
        api = self._catalog.providers[provider].batch
        if api is None:
            return
        limits = Limits(min(api.lines, _MOST_CLAIMED), api.bytes)
        for room in self.rooms_of(provider):
            for group in self._due(room, limits):
                if self._clock() >= until:
                    return
                if not lane.may_create(api.creates_an_hour):
                    self._meter.trouble("creates_used_up", provider=provider)
                    return
                if not self._go_on(self._planned(room, group), lane, until):
                    return

    def _due(self, room: str, limits: Limits) -> Iterator[Group]:
        """Yield what must go, leaving out rows that lead to nothing any more."""
        rows = self._jobs.waiting(room, most=_READ_ROWS)
        for group in due_groups(rows, self._clock(), self._times, limits):
            if alive := tuple(self._alive(group.rows)):
                yield Group(alive)

    def _alive(self, rows: Sequence[Waiting]) -> Iterator[Waiting]:
        for row, job in self._rooms.living(rows):
            if job.has_hold_left:
                self._rooms.give_hold_back(job)
            elif self._clock() < self._times.cancel_at(job.deadline):
                yield row

    def _planned(self, room: str, group: Group) -> ProviderBatch:
        """Write a plan down: the file first, so that a batch never stands without one."""
        provider, _, model = room.partition("/")
        now, lines = self._clock(), len(group.rows)
        batch = ProviderBatch(
            id=self._new_id(),
            provider=provider,
            model=model,
            state="claiming",
            created_at=now,
            lines=lines,
            size=group.size,
            first_deadline=group.first_deadline,
            early=self._times.early(lines, now, group.first_deadline),
            purge_at=int(now + self._times.kept),
        )
        self._files.write_plan(batch, _plan_of(group))
        self._batches.put_batch(batch)
        return batch

    def _go_on(
        self, batch: ProviderBatch, lane: HeldLane, until: float, *, may_send: bool = True
    ) -> bool:
        """Take a batch as far as it goes; False where it stands in the way of others."""
        steps = {
            "claiming": self._claim,
            "intent": self._submit if may_send else self._kept,
            "submitting": self._adopt,
            "aborting": self._give_back,
        }
        try:
            while step := steps.get(batch.state):
                if self._clock() >= until:
                    return False
                lane.renew()
                after = step(batch, lane)
                if after is None:
                    return False
                batch = after
        except FilesGone:
            self._meter.trouble("batch_files_gone", batch=batch.id)
        return True

    def _claim(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Bind the planned lines to the batch, and write what is sent."""
        written = batch.changed(state="intent", files=self._new_id())
        lines, size = self._files.write_lines(written, self._claimed(batch, lane))
        if lines == 0:
            return self._move(batch, state="aborted", reason="nothing was left of its plan",
                              finished_at=self._clock())  # fmt: skip
        return self._move(batch, state="intent", files=written.files, lines=lines, size=size)

    def _claimed(self, batch: ProviderBatch, lane: HeldLane) -> Iterator[Claimed]:
        for planned in chunks(self._files.plan(batch), _CLAIMED_TOGETHER):
            lane.renew()
            for owner, own in by_owner(planned):
                yield from self._owners[owner].claim(batch, own)

    def _submit(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Upload, announce, create; None where the provider takes nothing now."""
        if self._is_late(batch) or self._clock() < batch.go_at:
            return self._kept(batch, lane)
        provider, asked = self._providers[batch.provider], self._files.asked(batch)
        try:
            if batch.input_file is None:
                uploaded = provider.upload(batch, asked)
                batch = self._move(batch, input_file=uploaded)
            lane.count_create()
            batch = self._move(
                batch,
                state="submitting",
                submits=batch.submits + 1,
                submitting_since=self._clock(),
            )
            return self._submitted(batch, provider.create(batch, asked))
        except BatchRefused as error:
            self._meter.trouble("batch_refused", batch=batch.id, reason=error.reason)
            return self._move(batch, state="aborting", reason=error.reason)
        except BatchNotTaken as error:
            self._meter.trouble("batch_not_taken", batch=batch.id, reason=error.reason)
            pause = error.retry_after_seconds or _PAUSE_SECONDS
            self._move(batch, state="intent", go_at=self._clock() + pause)
            return None
        except BatchAnswerLost as error:
            self._meter.trouble("batch_answer_lost", batch=batch.id, reason=error.reason)
            return None

    def _kept(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Keep a batch that cannot be sent now, until it is too late for it."""
        return self._move(batch, state="aborting") if self._is_late(batch) else None

    def _is_late(self, batch: ProviderBatch) -> bool:
        """Whether it would be cancelled at once."""
        return self._clock() >= self._times.cancel_at(batch.first_deadline, batch.early)

    def _adopt(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Look for a batch whose answer was lost; None while it may still be on its way."""
        try:
            found = self._providers[batch.provider].find(batch)
            others = self._provider_batches(batch)
        except BatchFailure as error:
            self._meter.trouble("batch_not_looked_for", batch=batch.id, reason=error.reason)
            return None
        new = [each for each in found if each not in others]
        if new:
            self._cancel_others(batch, new[1:])
            return self._submitted(batch, new[0])
        if self._clock() < batch.submitting_since + self._times.arrival:
            return None
        if batch.submits >= _MOST_SUBMITS:
            self._meter.trouble("batch_refused", batch=batch.id, reason=_NEVER_ANSWERED)
            return self._move(batch, state="aborting", reason=_NEVER_ANSWERED)
        return self._move(batch, state="intent")

    def _provider_batches(self, batch: ProviderBatch) -> set[str | None]:
        """Return the ids at the provider of all batches that are not this one, for certain."""
        past = self._batches.past_batches(batch.submitting_since - _PLANNED_BEFORE_SECONDS)
        known = (*self._batches.open_batches(), *past)
        return {each.provider_batch for each in known if each.provider == batch.provider}

    def _cancel_others(self, batch: ProviderBatch, others: Sequence[str]) -> None:
        for other in others:
            self._meter.trouble("batch_twice", batch=batch.id, provider_batch=other)
            try:
                self._providers[batch.provider].cancel(batch, other)
            except BatchFailure as error:
                self._meter.trouble("batch_not_cancelled", batch=batch.id, reason=error.reason)

    def _give_back(self, batch: ProviderBatch, lane: HeldLane) -> ProviderBatch | None:
        """Return the lines; those of a refused batch in halves, until the one at fault is alone."""
        manifest = self._files.manifest(batch)
        company = (len(manifest) + 1) // 2 if batch.reason else ANY_COMPANY
        lines = (manifest[number] for number in range(len(manifest)))
        for some in chunks(lines, SETTLED_TOGETHER):
            lane.renew()
            for owner, own in by_owner(some):
                if batch.reason and len(manifest) == 1:
                    refused = _refusal(batch)
                    self._owners[owner].settle(batch, [Ended(line, refused) for line in own])
                else:
                    self._owners[owner].give_back(batch, own, company)
        return self._move(batch, state="aborted", finished_at=self._clock())

    def _submitted(self, batch: ProviderBatch, provider_batch: str) -> ProviderBatch:
        now, pause = self._clock(), self._times.first_poll
        return self._move(
            batch,
            state="submitted",
            provider_batch=provider_batch,
            submitted_at=now,
            poll_at=now + pause,
            poll_pause=pause,
        )

    def _move(self, batch: ProviderBatch, **changes: object) -> ProviderBatch:
        """Write a change; raises ``LaneLost`` where another process has gone on with it."""
        after = batch.changed(**changes)
        if self._batches.move_batch(batch, after) != after:
            raise LaneLost
        return after


def _refusal(batch: ProviderBatch) -> LineResult:
    """Return the end of the line that a batch was refused for; silence says nothing of the line."""
    status = 502 if batch.reason == _NEVER_ANSWERED else 400
    return LineResult("", "errored", http_status=status, message=batch.reason)


def _plan_of(group: Group) -> Iterator[Planned]:
    alike = Counter(row.prefix for row in group.rows)
    for row in group.rows:
        yield Planned("job", row.team, row.job, row.number, row.room, row.go_at, alike[row.prefix])


def by_owner(lines: Iterable[Owned]) -> list[tuple[Owner, list[Owned]]]:
    """Return lines by their owners."""
    found: dict[Owner, list[Owned]] = {}
    for line in lines:
        found.setdefault(line.owner, []).append(line)
    return list(found.items())
