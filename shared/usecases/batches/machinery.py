"""The parts of callers' batches, joined: what runs them beside the deferred calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.catalog import Catalog
from shared.clock import Clock
from shared.ports.batches import CallerBatches, FileStore
from shared.ports.calls import Meter, Store
from shared.ports.jobs import Blobs
from shared.ports.ledger import BatchLedger
from shared.usecases.batches.batch_lines import BatchLines
from shared.usecases.batches.line_plan import LinePlanner
from shared.usecases.batches.merging import Merger
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.planning import Planner
from shared.usecases.batches.room import BatchRoom
from shared.usecases.batches.running import BatchRunner
from shared.usecases.batches.splitting import Splitter
from shared.usecases.batches.taking import BatchTaker
from shared.usecases.batches.telling import BatchTeller
from shared.usecases.batches.unplanned import Unplanned
from shared.usecases.call_facts import CallFacts
from shared.usecases.holding import Holding
from shared.usecases.jobs.answers import Answers
from shared.usecases.jobs.machinery import Others, Outside
from shared.usecases.pricing import Pricing
from shared.usecases.route import ModelRouter
from shared.usecases.settling import Settler


@dataclass(frozen=True)
class Taking:
    """What it takes to take a batch. ``holding`` lets one take all that a budget has left."""

    environment: str
    batches: CallerBatches
    blobs: Blobs
    store: Store
    holding: Holding
    facts: CallFacts
    catalog: Catalog
    pricing: Pricing
    settler: Settler
    meter: Meter
    clock: Clock


@dataclass(frozen=True)
class BatchMachinery:
    """The owner of batches' lines, and who runs the batches."""

    lines: BatchLines
    runner: BatchRunner
    teller: BatchTeller | None = None

    @property
    def others(self) -> Others:
        """What the machinery of deferred calls is told of it."""
        tell = self.teller.run if self.teller is not None else None
        return Others({"batch": self.lines}, self.runner.run_all, tell)


def batch_taker(taking: Taking) -> BatchTaker:
    """Join what a door needs."""
    room = BatchRoom(taking.holding)
    router = ModelRouter(taking.catalog, taking.clock)
    planner = Planner(
        environment=taking.environment,
        lines=LinePlanner(taking.facts, taking.catalog, router, taking.pricing),
        room=room,
        holding=taking.holding,
        blobs=taking.blobs,
        store=taking.store,
        settler=taking.settler,
        clock=taking.clock,
    )
    return BatchTaker(taking.batches, planner, room, Unplanned(taking.blobs), taking.clock)


def batch_machinery(
    taking: Taking,
    outside: Outside,
    ledger: BatchLedger,
    files: FileStore,
    teller: BatchTeller | None = None,
    *,
    pause: Callable[[float], None],
    jitter: Callable[[], float],
) -> BatchMachinery:
    """Join what runs beside the deferred calls."""
    clock, meter, batches, blobs = taking.clock, taking.meter, taking.batches, taking.blobs
    money = BatchMoney(ledger, clock, meter, pause, jitter)
    lines = BatchLines(
        batches=batches,
        blobs=blobs,
        money=money,
        answers=Answers(taking.catalog, taking.pricing, clock, taking.settler.line_nano),
        pricing=taking.pricing,
        store=taking.store,
        catalog=taking.catalog,
        meter=meter,
        clock=clock,
    )
    runner = BatchRunner(
        batches=batches,
        parts=outside.batches,
        taker=batch_taker(taking),
        splitter=Splitter(outside.batches, blobs, taking.catalog, outside.times, clock),
        merger=Merger(batches, files, blobs, clock),
        money=money,
        blobs=blobs,
        meter=meter,
        clock=clock,
        name=outside.name,
        own_nano=taking.settler.line_nano,
    )
    return BatchMachinery(lines, runner, teller)
