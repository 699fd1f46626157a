"""Says what goes to providers: what was begun, and the groups of waiting jobs that are due.

All of it is done in a provider's lane, by one process at a time: see
:mod:`shared.usecases.jobs.sending` for how one batch gets there exactly once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import Waiting
from shared.domain.jobs.lines import Planned
from shared.domain.jobs.planning import Group, Limits, due_groups
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.times import JobTimes, Span
from shared.ports.calls import Meter
from shared.ports.jobs import BatchStore, JobStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.batch_files import BatchFiles
from shared.usecases.jobs.lanes import HeldLane, LaneLost, Lanes
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.jobs.sending import Sending

_MOST_CLAIMED: Final = 20_000
"""Lines that are planned together: claiming so many takes a minute or two, and one run does it."""
_READ_ROWS: Final = 120_000


class Submitter:
    """Plans, and has sent. Raises ``StoreUnavailable``; then the next run goes on."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        batches: BatchStore,
        files: BatchFiles,
        rooms: Rooms,
        lanes: Lanes,
        sending: Sending,
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
        self._sending = sending
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
        if self._clock() >= until or self._is_idle(provider):
            return
        lane = self._lanes.take(provider)
        if lane is None:
            return
        crashes = Crashes(self._meter)
        try:
            found = self._batches.open_batches()
            if self._has_gone_on(_standing(found, provider), lane, until, crashes):
                with crashes.kept(LaneLost, StoreUnavailable, provider=provider):
                    self._send_due(provider, found, lane, until)
            lane.leave()
        except LaneLost:
            self._meter.trouble("lane_lost", provider=provider)
        crashes.raise_any()

    def _is_idle(self, provider: str) -> bool:
        """Whether there is nothing for which the lane would be taken."""
        is_begun = any(_standing(self._batches.open_batches(), provider))
        return not is_begun and not self._rooms_of(provider)

    def may_send(self, room: str) -> bool:
        """Tell whether the jobs of a room can go by a batch: their model may have left them."""
        provider, _, name = room.partition("/")
        model, known = self._catalog.models.get(name), self._catalog.providers.get(provider)
        if model is None or model.provider != provider or known is None or known.batch is None:
            return False
        return model.is_batch_priced(utc(self._clock()))

    def _rooms_of(self, provider: str) -> list[str]:
        """Return the rooms in which jobs wait that can go by a batch."""
        return [room for room in self._rooms.occupied(provider) if self.may_send(room)]

    def _has_gone_on(
        self, standing: Sequence[ProviderBatch], lane: HeldLane, until: float, crashes: Crashes
    ) -> bool:
        """Go on with what was begun; False where one stands in the way of what is to be sent.

        What has nothing to do with the provider is done for all of them, whoever is in the way.
        """
        may_send = True
        for batch in standing:
            is_through = False
            has_crashed = True
            with crashes.kept(LaneLost, StoreUnavailable, batch=batch.id):
                is_through = self._sending.go_on(batch, lane, until, may_send=may_send)
                has_crashed = False
            # Where a batch is found by our id, one that is looked for confuses no other. The
            # provider, whose SDK takes seconds, is asked only about a batch in the way.
            is_in_doubt = has_crashed or batch.state == "submitting"
            is_aside = is_in_doubt and self._sending.keeps_ids(batch.provider)
            may_send = may_send and (is_through or is_aside)
        return may_send

    def _send_due(
        self, provider: str, found: Sequence[ProviderBatch], lane: HeldLane, until: float
    ) -> None:
        api = self._catalog.providers[provider].batch
        if api is None:
            return
        limits = Limits(min(api.lines, _MOST_CLAIMED), api.bytes)
        taken = [self._calls(batch) for batch in found if batch.early]
        for room in self._rooms_of(provider):
            for group in self._due(room, limits):
                if self._clock() >= until:
                    return
                if not lane.may_create(api.creates_an_hour):
                    self._meter.trouble("creates_used_up", provider=provider)
                    return
                batch = self._planned(room, group, taken)
                taken.append(self._calls(batch))
                if not self._sending.go_on(batch, lane, until):
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

    def _planned(self, room: str, group: Group, taken: Sequence[Span]) -> ProviderBatch:
        """Write a plan down: the file first, so that a batch never stands without one.

        ``taken`` is when the lines of all other batches are called, at whatever provider.
        """
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
            early=self._times.early(lines, now, group.first_deadline, taken),
            purge_at=int(now + self._times.kept),
        )
        self._files.write_plan(batch, _plan_of(group))
        self._batches.put_batch(batch)
        return batch

    def _calls(self, batch: ProviderBatch) -> Span:
        """Return when a batch's lines are called; those of a caller's, never early, never are."""
        return self._times.calls(batch.lines, batch.first_deadline, batch.early)


def _standing(found: Sequence[ProviderBatch], provider: str) -> list[ProviderBatch]:
    """Return what was begun, what is given back first: its lines may be in a hurry."""
    own = [each for each in found if each.provider == provider and each.state != "submitted"]
    return sorted(own, key=lambda batch: batch.state != "aborting")


def _plan_of(group: Group) -> Iterator[Planned]:
    alike = Counter(row.prefix for row in group.rows)
    for row in group.rows:
        yield Planned("job", row.team, row.job, row.number, row.room, row.go_at, alike[row.prefix])
