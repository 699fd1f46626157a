"""Joins ports to adapters for the dispatcher and the collector."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from shared.adapters.batches.account import account
from shared.adapters.batches.by_provider import BatchProviders
from shared.adapters.job_queue import SqsJobQueue
from shared.catalog.providers import load_providers
from shared.clock import Clock
from shared.domain.jobs.ids import BATCH_RANDOM_BYTES, batch_id
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import BatchProvider
from shared.settings import WorkerSettings
from shared.usecases.batches.messages import BatchMessages
from shared.usecases.jobs.dispatching import AT_ONCE
from shared.usecases.jobs.machinery import Machinery, Outside, machinery
from shared.wiring.batches import build_batch_machinery
from shared.wiring.calls import Calls, blobs_of, build_calls, keys_of
from shared.wiring.deferral import job_store, queue_of, times_of

_THREADS: Final = 8
"""Jobs that are moved or settled side by side: each is a few calls of AWS, which are waited for."""
_SECONDS_A_CALL: Final = 20.0
"""What a call of a provider takes that is long: by it the calls a second are reckoned."""


@dataclass(frozen=True)
class Worker:
    """What the handlers need."""

    machinery: Machinery
    batches: BatchMessages
    queue: SqsJobQueue
    clock: Clock
    meter: Meter


def build_worker(settings: WorkerSettings, service: str) -> Worker:
    """Build the dispatcher or the collector; ``service`` is its name in its log."""
    calls = build_calls(settings, service)
    jobs, queue = job_store(settings, calls.meter, calls.clock), queue_of(settings, calls.meter)
    outside = Outside(
        jobs=jobs,
        batches=jobs,
        blobs=blobs_of(settings, calls.meter),
        queue=queue,
        store=calls.store,
        ledger=calls.ledger,
        providers=_providers(settings, calls),
        holding=calls.holding,
        attempts=calls.attempts,
        settler=calls.settler,
        pricing=calls.pricing,
        catalog=calls.catalog,
        meter=calls.meter,
        clock=calls.clock,
        new_id=lambda: batch_id(calls.clock(), secrets.token_bytes(BATCH_RANDOM_BYTES)),
        name=partial(secrets.token_hex, 8),
        times=worker_times(settings),
        disabled=_disabled(settings),
        each=ThreadPoolExecutor(_THREADS).map,
    )
    batches = build_batch_machinery(settings, calls, outside)
    joined = machinery(outside, batches.others)
    messages = BatchMessages(batches.runner, joined.submitter, joined.providers, calls.meter)
    return Worker(joined, messages, queue, calls.clock, calls.meter)


def worker_times(settings: WorkerSettings) -> JobTimes:
    """Return how long deferred calls wait for what, by how many of them can be made."""
    calls = settings.dispatcher_concurrency * AT_ONCE / _SECONDS_A_CALL
    return replace(times_of(settings), calls_a_second=calls)


def _disabled(settings: WorkerSettings) -> tuple[str, ...]:
    """Return the providers with a batch API that the stack does not have, or not any more."""
    known = load_providers().values()
    return tuple(p.name for p in known if p.batch and p.name not in settings.providers)


def _providers(settings: WorkerSettings, calls: Calls) -> Mapping[str, BatchProvider]:
    """Return the batch APIs of the enabled providers that have one."""
    keys = keys_of(settings, calls.clock, calls.meter)
    accounts = {
        provider.name: account(provider, keys, stand_in=settings.upstream_url)
        for provider in calls.catalog.providers.values()
        if provider.batch is not None
    }
    return BatchProviders(accounts)
