"""The parts of deferred calls, joined: what the dispatcher and the collector run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.lines import Owner
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter, Store
from shared.ports.jobs import BatchProvider, BatchStore, Blobs, JobQueue, JobStore
from shared.ports.ledger import Ledger
from shared.usecases.attempts import Attempts
from shared.usecases.crashes import Crashes
from shared.usecases.holding import Holding
from shared.usecases.jobs.answers import Answers
from shared.usecases.jobs.batch_files import BatchFiles
from shared.usecases.jobs.calling import CallNow
from shared.usecases.jobs.collecting import Collector
from shared.usecases.jobs.dispatching import AT_ONCE, Dispatcher
from shared.usecases.jobs.job_lines import Each, JobLines
from shared.usecases.jobs.lanes import Lanes
from shared.usecases.jobs.late_rows import LateRows
from shared.usecases.jobs.owners import LineOwner
from shared.usecases.jobs.rooms import Rooms
from shared.usecases.jobs.sending import Sending
from shared.usecases.jobs.submitting import Submitter
from shared.usecases.jobs.tending import Tending
from shared.usecases.pricing import Pricing
from shared.usecases.settling import Settler

LONG_STEP_SECONDS: Final = 300.0
"""What the longest step may take: planning or splitting a full batch, claiming and uploading one.
None is begun with less time left."""


@dataclass(frozen=True)
class Outside:
    """What deferred calls need of the world, and of the synchronous calls.

    ``new_id`` returns a batch's id, and ``name`` that of a process or of one of its turns: no two
    are ever the same. ``disabled`` has the providers for whose batches jobs may wait that were
    accepted before those were taken out of the stack.
    """

    jobs: JobStore
    batches: BatchStore
    blobs: Blobs
    queue: JobQueue
    store: Store
    ledger: Ledger
    providers: Mapping[str, BatchProvider]
    holding: Holding
    attempts: Attempts
    settler: Settler
    pricing: Pricing
    catalog: Catalog
    meter: Meter
    clock: Clock
    new_id: Callable[[], str]
    name: Callable[[], str]
    times: JobTimes = field(default_factory=JobTimes)
    disabled: tuple[str, ...] = ()
    each: Each = map
    at_once: int = AT_ONCE


@dataclass(frozen=True)
class Others:
    """Who owns lines besides the jobs, and what is done for them at a tick, up to a time.

    ``tell`` tells the owners' teams of what has ended, where somebody is told.
    """

    owners: Mapping[Owner, LineOwner]
    run: Callable[[float], None]
    tell: Callable[[float], None] | None = None


@dataclass(frozen=True)
class Machinery:
    """The dispatcher, and what a tick of the collector does in turn."""

    rooms: Rooms
    dispatcher: Dispatcher
    tending: Tending
    submitter: Submitter
    collector: Collector
    providers: tuple[str, ...]
    disabled: tuple[str, ...]
    meter: Meter
    others: Others | None = None

    def tick(self, until: float) -> None:
        """Do all that is due, up to an epoch second.

        Each part is done though another could not be: a part that meets a store that is down is
        done at the next tick. Raises ``Crashed`` at the end where something failed unexpectedly.
        """
        crashes, begun_by = Crashes(self.meter), until - LONG_STEP_SECONDS
        self._tried(crashes, "others", lambda: self._run_others(begun_by))
        for provider in self.providers:
            submit = partial(self.submitter.run, provider, begun_by)
            self._tried(crashes, "submit", submit)
        self._tried(crashes, "collect", lambda: self.collector.run(until))
        self._tried(crashes, "others", lambda: self._run_others(begun_by))
        self._tried(crashes, "tend", lambda: self._tend(until))
        self._tried(crashes, "tell", lambda: self._tell(begun_by))
        crashes.raise_any()

    def _run_others(self, until: float) -> None:
        if self.others is not None:
            self.others.run(until)

    def _tell(self, until: float) -> None:
        if self.others is not None and self.others.tell is not None:
            self.others.tell(until)

    def _tend(self, until: float) -> None:
        every = (*self.providers, *self.disabled)
        rooms = (room for each in every for room in self.rooms.occupied(each))
        self.tending.run(rooms, until, self.submitter.may_send)

    def _tried(self, crashes: Crashes, what: str, work: Callable[[], None]) -> None:
        with crashes.kept(part=what):
            try:
                work()
            except StoreUnavailable:
                self.meter.trouble("tick", part=what)


def rooms_in(outside: Outside) -> Rooms:
    """Return the waiting rooms."""
    return Rooms(
        outside.jobs,
        outside.queue,
        outside.holding,
        outside.meter,
        outside.times,
        outside.clock,
    )


def machinery(outside: Outside, others: Others | None = None) -> Machinery:
    """Join the parts."""
    rooms, files = rooms_in(outside), BatchFiles(outside.blobs)
    call_now = _call_now(outside, rooms)
    owners: dict[Owner, LineOwner] = {"job": _job_lines(outside, rooms)}
    owners |= others.owners if others else {}
    submitter = _submitter(outside, rooms, files, owners)
    jobs, meter, clock = outside.jobs, outside.meter, outside.clock
    return Machinery(
        rooms=rooms,
        dispatcher=Dispatcher(
            jobs, call_now, submitter, outside.queue, meter, clock, outside.at_once
        ),
        tending=Tending(jobs, rooms, call_now, outside.times, clock, meter),
        submitter=submitter,
        collector=_collector(outside, files, owners),
        providers=tuple(outside.providers),
        disabled=outside.disabled,
        meter=meter,
        others=others,
    )


def _call_now(outside: Outside, rooms: Rooms) -> CallNow:
    return CallNow(
        jobs=outside.jobs,
        rooms=rooms,
        store=outside.store,
        holding=outside.holding,
        attempts=outside.attempts,
        settler=outside.settler,
        catalog=outside.catalog,
        meter=outside.meter,
        times=outside.times,
        clock=outside.clock,
        name=outside.name,
    )


def _job_lines(outside: Outside, rooms: Rooms) -> JobLines:
    catalog, clock = outside.catalog, outside.clock
    return JobLines(
        jobs=outside.jobs,
        rooms=rooms,
        store=outside.store,
        holding=outside.holding,
        late_rows=LateRows(outside.ledger, clock),
        answers=Answers(catalog, outside.pricing, clock, outside.settler.line_nano),
        catalog=catalog,
        meter=outside.meter,
        times=outside.times,
        clock=clock,
        each=outside.each,
    )


def _submitter(
    outside: Outside, rooms: Rooms, files: BatchFiles, owners: Mapping[Owner, LineOwner]
) -> Submitter:
    batches, meter, times, clock = outside.batches, outside.meter, outside.times, outside.clock
    sending = Sending(
        batches=batches,
        files=files,
        providers=outside.providers,
        owners=owners,
        meter=meter,
        times=times,
        clock=clock,
        new_id=outside.new_id,
    )
    return Submitter(
        jobs=outside.jobs,
        batches=batches,
        files=files,
        rooms=rooms,
        lanes=Lanes(batches, clock, times.lane, outside.name),
        sending=sending,
        catalog=outside.catalog,
        meter=meter,
        times=times,
        clock=clock,
        new_id=outside.new_id,
    )


def _collector(outside: Outside, files: BatchFiles, owners: Mapping[Owner, LineOwner]) -> Collector:
    return Collector(
        batches=outside.batches,
        files=files,
        providers=outside.providers,
        owners=owners,
        meter=outside.meter,
        times=outside.times,
        clock=outside.clock,
        name=outside.name,
    )
