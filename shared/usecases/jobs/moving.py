"""Writes a change of a batch down, unless another process has gone on with it."""

from __future__ import annotations

from shared.domain.jobs.provider_batch import ProviderBatch
from shared.ports.jobs import BatchStore


class BatchLost(Exception):
    """Another process has gone on with a batch: this one leaves it alone."""


def moved(batches: BatchStore, batch: ProviderBatch, **changes: object) -> ProviderBatch:
    """Return a batch as it is after a change, which is written; raises ``BatchLost``."""
    after = batch.changed(**changes)
    if batches.move_batch(batch, after) != after:
        raise BatchLost
    return after
