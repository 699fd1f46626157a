"""Joins ports to adapters for the router, in one function that takes fakes as arguments."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.request_ids import RANDOM_BYTES, request_id
from shared.settings import RouterSettings
from shared.usecases.admission import Admission
from shared.usecases.answer_call import AnswerCall
from shared.usecases.background import Background
from shared.usecases.call_facts import Policy
from shared.usecases.holding import Holding
from shared.usecases.idempotency import Idempotency
from shared.usecases.route import ModelRouter
from shared.usecases.standing import StandingOf
from shared.wiring.calls import Calls, build_calls

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Store, Upstream
    from shared.ports.jobs import JobQueue, JobStore
    from shared.ports.ledger import Ledger
    from shared.usecases.batches.desk import BatchDesk
    from shared.usecases.files import Files
    from shared.wiring.batches import BatchStores
    from shared.wiring.deferral import Deferral


@dataclass(frozen=True)
class Router:
    """What the router's doors need."""

    settings: RouterSettings
    calls: Calls
    admission: Admission
    answer: AnswerCall
    background: Background
    new_request_id: Callable[[], str]
    make_files: Callable[[], Files]
    make_batches: Callable[[], BatchDesk]
    make_deferral: Callable[[], Deferral]

    @property
    def catalog(self) -> Catalog:
        """What is known of models."""
        return self.calls.catalog

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.calls.clock

    @property
    def meter(self) -> Meter:
        """Where log lines and metrics go."""
        return self.calls.meter

    @property
    def store(self) -> Store:
        """The cache and the keys."""
        return self.calls.store

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.calls.ledger

    @property
    def holding(self) -> Holding:
        """Who holds money."""
        return self.calls.holding

    @property
    def upstream(self) -> Upstream:
        """The way to providers."""
        return self.calls.upstream

    @cached_property
    def files(self) -> Files:
        """Files and uploads, made when they are first asked for: S3's client is slow to make."""
        return self.make_files()

    @cached_property
    def batches(self) -> BatchDesk:
        """Callers' batches, made when they are first asked for."""
        return self.make_batches()

    @cached_property
    def deferral(self) -> Deferral:
        """Deferred calls, made when the first one comes."""
        return self.make_deferral()


def build_router(
    settings: RouterSettings,
    *,
    clock: Clock | None = None,
    stores: tuple[Store, Ledger] | None = None,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
    batch_stores: BatchStores | None = None,
    job_stores: tuple[JobStore, JobQueue] | None = None,
) -> Router:
    """Build the router from its settings; every part of the outside world can be replaced."""
    calls = build_calls(
        settings, "router", clock=clock, stores=stores, upstream=upstream, meter=meter
    )
    clock, meter, store = calls.clock, calls.meter, calls.store
    background = Background(lambda error: _report_crash(meter, error))
    admission = Admission(store, clock, settings.environment)
    answer = AnswerCall(
        policy=Policy(settings.environment, settings.policy_version),
        catalog=calls.catalog,
        store=store,
        admission=admission,
        idempotency=Idempotency(store, meter, clock),
        standing_of=StandingOf(calls.holding),
        router=ModelRouter(calls.catalog, clock),
        attempts=calls.attempts,
        settler=calls.settler,
        meter=meter,
        background=background,
        clock=clock,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    return Router(
        settings=settings,
        calls=calls,
        admission=admission,
        answer=answer,
        background=background,
        new_request_id=lambda: request_id(clock(), secrets.token_bytes(RANDOM_BYTES)),
        make_files=lambda: _files(settings, calls, batch_stores),
        make_batches=lambda: _batches(settings, calls, batch_stores),
        make_deferral=lambda: _deferral(settings, calls, admission, job_stores),
    )


def _deferral(
    settings: RouterSettings,
    calls: Calls,
    admission: Admission,
    stores: tuple[JobStore, JobQueue] | None,
) -> Deferral:
    from shared.wiring.deferral import build_deferral  # noqa: PLC0415

    return build_deferral(settings, calls, admission, stores)


def _files(settings: RouterSettings, calls: Calls, stores: BatchStores | None) -> Files:
    # Imported at the first call that has to do with files: few callers send any.
    from shared.wiring import batches  # noqa: PLC0415

    return batches.build_files(stores or batches.batch_stores(settings, calls), calls)


def _batches(settings: RouterSettings, calls: Calls, stores: BatchStores | None) -> BatchDesk:
    from shared.wiring import batches  # noqa: PLC0415

    stores = stores or batches.batch_stores(settings, calls)
    return batches.build_batch_desk(settings, calls, stores)


def _report_crash(meter: Meter, error: BaseException) -> None:
    # Imported where something has crashed: no start waits for it.
    from shared.usecases.crashes import report_crash  # noqa: PLC0415

    report_crash(meter, error)
