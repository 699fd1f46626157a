"""An ``Idempotency-Key`` makes a batch once: a retry gets the batch that the first one made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import msgspec

from shared.clock import Clock
from shared.domain.batches.batch import Batch
from shared.domain.entries import Claim, KeyRow, StoredAnswer
from shared.domain.errors import IdempotencyConflict, IdempotencyMismatch, StoreUnavailable
from shared.domain.prices import TokenCounts
from shared.domain.request_ids import RANDOM_BYTES, request_id
from shared.ports.batches import CallerBatches
from shared.ports.calls import Store
from shared.usecases.batches.taking import LEASE_SECONDS
from shared.usecases.idempotency import REMEMBERED_SECONDS

_canonical: Final = msgspec.json.Encoder(order="deterministic")


class Once:
    """Claims keys as the interactive doors do; in the place of an answer stands a batch's id."""

    def __init__(
        self,
        store: Store,
        batches: CallerBatches,
        clock: Clock,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._batches = batches
        self._clock = clock
        self._random = random

    def made(
        self, key: KeyRow, again: str | None, asked: Sequence[Any], make: Callable[[], Batch]
    ) -> Batch:
        """Return what ``make`` makes, or what it has made for the same key before.

        Raises ``IdempotencyMismatch``, ``IdempotencyConflict``, and whatever ``make`` does.
        """
        if again is None:
            return make()
        claim = self._claim(key, again, asked)
        standing = self._store.claim(claim, self._clock())
        if standing is not None:
            return self._found(claim, standing)
        try:
            batch = make()
        except BaseException:
            with suppress(StoreUnavailable):
                self._store.release(claim)
            raise
        with suppress(StoreUnavailable):
            self._store.fulfil(replace(claim, answer=_named(batch)))
        return batch

    def _found(self, claim: Claim, standing: Claim) -> Batch:
        if standing.body_digest != claim.body_digest:
            raise IdempotencyMismatch
        if standing.answer is None:
            raise IdempotencyConflict
        name = msgspec.json.decode(standing.answer.body, type=str)
        batch = self._batches.get(claim.team, name)
        if batch is None:
            raise IdempotencyConflict
        return batch

    def _claim(self, key: KeyRow, again: str, asked: Sequence[Any]) -> Claim:
        now = self._clock()
        return Claim(
            team=key.team,
            key_digest=hashlib.sha256(again.encode()).hexdigest(),
            body_digest=hashlib.sha256(_canonical.encode(["batch", *asked])).hexdigest(),
            request_id=request_id(now, self._random(RANDOM_BYTES)),
            lease_until=int(now + LEASE_SECONDS),
            purge_at=int(now) + REMEMBERED_SECONDS,
        )


def _named(batch: Batch) -> StoredAnswer:
    at = int(batch.created_at)
    return StoredAnswer(
        team=batch.team,
        digest="",
        body=msgspec.json.encode(batch.id),
        model="batch",
        tier=None,
        tokens=TokenCounts(),
        stored_at=at,
        expires_at=at,
        freshness="default",
    )
