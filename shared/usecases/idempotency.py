"""``Idempotency-Key``: a retry gets the first answer again instead of paying for a second.

The same key with another body is an error, and so is a retry while the first call is still
going on. A call that brought no answer gives its claim up, so that it can be tried again; one
whose process died is taken over once its lease has run out.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from shared.clock import Clock
from shared.domain.entries import Claim, StoredAnswer
from shared.domain.errors import (
    IdempotencyConflict,
    IdempotencyMismatch,
    StoreUnavailable,
)
from shared.usecases.calls import Call

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Store

REMEMBERED_SECONDS: Final = 24 * 3600
_canonical = msgspec.json.Encoder(order="deterministic")


class Idempotency:
    """Claims keys. Without a key every method does nothing."""

    def __init__(self, store: Store, meter: Meter, clock: Clock) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock

    async def claim(self, call: Call) -> tuple[Claim | None, StoredAnswer | None]:
        """Return this call's claim, or the answer that its key already has.

        Raises ``IdempotencyMismatch``, ``IdempotencyConflict`` or ``StoreUnavailable``.
        """
        if call.idempotency_key is None:
            return None, None
        now = self._clock()
        claim = self._claim_of(call, call.idempotency_key, now)
        standing = await asyncio.to_thread(self._store.claim, claim, now)
        if standing is None:
            return claim, None
        if standing.body_digest != claim.body_digest:
            raise IdempotencyMismatch
        if standing.answer is None:
            raise IdempotencyConflict
        return None, standing.answer

    async def fulfil(self, claim: Claim | None, answer: StoredAnswer) -> None:
        """Store the answer under the claim."""
        if claim is not None:
            await self._quietly(self._store.fulfil, dataclasses.replace(claim, answer=answer))

    async def release(self, claim: Claim | None) -> None:
        """Give the claim up."""
        if claim is not None:
            await self._quietly(self._store.release, claim)

    def _claim_of(self, call: Call, key: str, now: float) -> Claim:
        # A deferred call is answered with a job: never the answer to the same call without delay.
        kind = call.door if call.answer_by is None else f"{call.door}, deferred"
        request = _canonical.encode([kind, call.body])
        return Claim(
            team=call.key.team,
            key_digest=hashlib.sha256(key.encode()).hexdigest(),
            body_digest=hashlib.sha256(request).hexdigest(),
            request_id=call.request_id,
            lease_until=int(call.deadline) + 1,
            purge_at=int(now) + REMEMBERED_SECONDS,
        )

    async def _quietly(self, work: object, claim: Claim) -> None:
        """Do without the store where the answer exists already."""
        try:
            await asyncio.to_thread(work, claim)  # type: ignore[arg-type]
        except StoreUnavailable:
            self._meter.trouble("unclaimed", request_id=claim.request_id)
