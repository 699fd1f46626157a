"""One process of callers' batches: all that a function of the gateway could run for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from shared.adapters.memory import MemoryMeter
from shared.catalog import Catalog
from shared.clock import Clock
from shared.ports.batches import CallerBatches, FileStore
from shared.ports.ledger import BatchLedger
from shared.usecases.batches.desk import BatchDesk
from shared.usecases.batches.machinery import Taking, batch_machinery, batch_taker
from shared.usecases.batches.messages import BatchMessages
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.files import Files
from shared.usecases.holding import Holding
from shared.usecases.jobs.machinery import Machinery, machinery
from tests.deferral import Names, Stores, catalog, outside_of

LINES_OF_A_PART = 2


@dataclass(frozen=True)
class BatchStores:
    """Where one process keeps what is batches' own."""

    files: FileStore
    batches: CallerBatches
    ledger: BatchLedger


@dataclass(frozen=True)
class BatchProcess:
    """What callers reach, and what runs behind them."""

    files: Files
    desk: BatchDesk
    machinery: Machinery
    messages: BatchMessages
    holding: Holding


def small_parts() -> Catalog:
    """Return a catalog whose provider takes few lines at once: a batch becomes several."""
    known = catalog()
    openai = known.providers["openai"]
    assert openai.batch is not None
    few = msgspec.structs.replace(openai.batch, lines=LINES_OF_A_PART)
    openai = msgspec.structs.replace(openai, batch=few)
    return replace(known, providers={**known.providers, "openai": openai})


def batch_process(
    stores: Stores,
    own: BatchStores,
    clock: Clock,
    names: Names,
    meter: MemoryMeter,
    *,
    pause: Callable[[float], None],
    jitter: Callable[[], float],
    **more: Any,
) -> BatchProcess:
    """Join the parts on some stores; ``more`` is as for ``outside_of``."""
    known = small_parts()
    outside = outside_of(
        stores, clock, names, meter, pause=pause, jitter=jitter, known=known, **more
    )
    taking = Taking(
        environment="dev",
        batches=own.batches,
        blobs=stores.blobs,
        store=stores.store,
        holding=outside.holding,
        facts=CallFacts(Policy("dev", "policy"), known, clock),
        catalog=known,
        pricing=outside.pricing,
        settler=outside.settler,
        meter=meter,
        clock=clock,
    )

    def random(size: int) -> bytes:
        names.count += 1
        return names.count.to_bytes(size)

    files = Files(own.files, stores.blobs, clock, random)
    desk = BatchDesk(
        batches=own.batches,
        files=files,
        blobs=stores.blobs,
        queue=stores.queue,
        store=stores.store,
        taker=batch_taker(taking),
        price_version=known.price_version,
        clock=clock,
        random=random,
    )
    behind = batch_machinery(taking, outside, own.ledger, own.files, pause=pause, jitter=jitter)
    joined = machinery(outside, behind.others)
    messages = BatchMessages(behind.runner, joined.submitter, joined.providers, meter)
    return BatchProcess(files, desk, joined, messages, outside.holding)
