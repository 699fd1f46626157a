"""Joins what callers' batches need: for the router, imported when the first one comes."""

from __future__ import annotations

import dataclasses
import random
import secrets
import time
from typing import NamedTuple

from shared.adapters import provider_keys
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.batch_events import DynamoBatchEvents
from shared.adapters.dynamodb.batch_ledger import DynamoBatchLedger
from shared.adapters.dynamodb.caller_batches import DynamoCallerBatches
from shared.adapters.dynamodb.files import DynamoFiles
from shared.ports.batches import CallerBatches, FileStore, TeamHooks
from shared.ports.jobs import Blobs, JobQueue
from shared.settings import CallSettings, RouterSettings, WorkerSettings
from shared.usecases.batches.desk import BatchDesk
from shared.usecases.batches.machinery import (
    BatchMachinery,
    Taking,
    batch_machinery,
    batch_taker,
)
from shared.usecases.batches.telling import BatchTeller
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.files import Files
from shared.usecases.holding import Holding
from shared.usecases.jobs.machinery import Outside
from shared.wiring.calls import TIMEOUTS, Calls, blobs_of, hold_policy, reporter
from shared.wiring.deferral import queue_of


class BatchStores(NamedTuple):
    """Where files and batches are kept, and how the dispatcher is woken."""

    files: FileStore
    blobs: Blobs
    batches: CallerBatches
    queue: JobQueue


def batch_stores(settings: CallSettings, calls: Calls) -> BatchStores:
    """Return them on AWS."""
    client, report = wire.connect(TIMEOUTS), reporter(calls.meter)
    return BatchStores(
        DynamoFiles(client, settings.jobs_table, report),
        blobs_of(settings, calls.meter),
        DynamoCallerBatches(client, settings.jobs_table, report),
        queue_of(settings, calls.meter),
    )


def build_files(stores: BatchStores, calls: Calls) -> Files:
    """Build the use case of files and uploads."""
    return Files(stores.files, stores.blobs, calls.clock, secrets.token_bytes)


def build_batch_desk(settings: RouterSettings, calls: Calls, stores: BatchStores) -> BatchDesk:
    """Build what is behind the doors of batches."""
    return BatchDesk(
        batches=stores.batches,
        files=build_files(stores, calls),
        blobs=stores.blobs,
        queue=stores.queue,
        store=calls.store,
        taker=batch_taker(_taking(settings, settings.policy_version, calls, stores)),
        price_version=calls.catalog.price_version,
        clock=calls.clock,
        random=secrets.token_bytes,
    )


def build_batch_machinery(
    settings: WorkerSettings, calls: Calls, outside: Outside
) -> BatchMachinery:
    """Build what runs batches, beside the deferred calls."""
    stores = batch_stores(settings, calls)
    client, report = wire.connect(TIMEOUTS), reporter(calls.meter)
    teller = None
    if settings.webhook_secret is not None:
        teller = BatchTeller(
            events=DynamoBatchEvents(client, settings.jobs_table, report),
            batches=stores.batches,
            hooks=_team_webhooks(settings, settings.webhook_secret, calls),
            meter=calls.meter,
            clock=calls.clock,
        )
    return batch_machinery(
        _taking(settings, settings.policy_version, calls, stores),
        outside,
        DynamoBatchLedger(client, settings.ledger_table, report),
        stores.files,
        teller,
        pause=time.sleep,
        jitter=random.random,
    )


def _team_webhooks(settings: WorkerSettings, secret: str, calls: Calls) -> TeamHooks:
    # Only the collector has such a secret: no router and no dispatcher imports this.
    from shared.adapters.team_webhooks import TeamWebhooks, parse_teams  # noqa: PLC0415
    from shared.adapters.webhook_secret import SecretHooks  # noqa: PLC0415

    is_local = settings.clock_file is not None
    hooks = SecretHooks(provider_keys.connect(TIMEOUTS), secret, parse_teams, calls.clock)
    return TeamWebhooks(hooks.read, settings.webhook_hosts, is_local, calls.clock)


def _taking(
    settings: CallSettings, policy_version: str, calls: Calls, stores: BatchStores
) -> Taking:
    # A batch is many calls: it may take all that a budget has left.
    policy = dataclasses.replace(hold_policy(settings), max_share_percent=100)
    return Taking(
        environment=settings.environment,
        batches=stores.batches,
        blobs=stores.blobs,
        store=calls.store,
        holding=Holding(calls.ledger, calls.clock, policy, time.sleep, charged=calls.meter.charged),
        facts=CallFacts(Policy(settings.environment, policy_version), calls.catalog, calls.clock),
        catalog=calls.catalog,
        pricing=calls.pricing,
        settler=calls.settler,
        meter=calls.meter,
        clock=calls.clock,
    )
