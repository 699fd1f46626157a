"""Who is calling, and what else is known before a call is decided on.

A presented key is confirmed in the same read as the cached answer; :class:`Entrance` has that done,
and what comes after it for every call, whether it is answered now or may wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from shared.clock import Clock
from shared.domain.api_keys import PresentedKey
from shared.domain.budgets import Budget, Scope
from shared.domain.budgets.scopes import scopes_of
from shared.domain.entries import Claim, KeyRow, StoredAnswer
from shared.domain.errors import Unauthorized
from shared.domain.health import Health
from shared.usecases.call_facts import CallFacts
from shared.usecases.calls import Call
from shared.usecases.idempotency import Idempotency
from shared.usecases.standing import Standing, StandingOf

if TYPE_CHECKING:
    from shared.ports.calls import Store

_KEPT_SECONDS: Final = 60
"""A revoked key stops working within this time."""
_KEPT_KEYS: Final = 1_000

_REFUSAL: Final = "This key is not valid here. Ask your platform team for a key."


@dataclass(frozen=True)
class Admitted:
    """A confirmed caller, and what the same read brought."""

    key: KeyRow
    answer: StoredAnswer | None
    health: Mapping[str, Health]
    budgets: Mapping[Scope, Budget]


class Admission:
    """Confirms keys, and keeps a short copy of confirmed rows to spare a read.

    Only confirmed keys are kept: made-up keys cannot fill the memory.
    """

    def __init__(self, store: Store, clock: Clock, environment: str) -> None:
        self._store = store
        self._clock = clock
        self._environment = environment
        self._kept: dict[str, tuple[float, KeyRow]] = {}

    async def admit(
        self, key: PresentedKey, answer_digest: str | None, request_id: str
    ) -> Admitted:
        """Confirm a key and read an answer, the models' health and the call's budgets with it.

        One AWS call. Raises ``Unauthorized``, or ``StoreUnavailable`` (fails closed).
        """
        self._check_environment(key)
        kept = self._kept_row(key)
        wanted = None if kept else key.digest
        scopes = scopes_of(key.team, key.digest, request_id)
        found = await asyncio.to_thread(
            self._store.look_up, key.team, wanted, answer_digest, scopes
        )
        row = kept or self._confirmed(key, found.key)
        return Admitted(row, found.answer, found.health, found.budgets)

    async def confirm(self, key: PresentedKey) -> KeyRow:
        """Confirm a key, with no AWS call where it was confirmed lately."""
        self._check_environment(key)
        kept = self._kept_row(key)
        if kept is not None:
            return kept
        found = await asyncio.to_thread(self._store.look_up, key.team, key.digest, None)
        return self._confirmed(key, found.key)

    def _check_environment(self, key: PresentedKey) -> None:
        if key.environment != self._environment:
            raise Unauthorized(_REFUSAL)

    def _kept_row(self, key: PresentedKey) -> KeyRow | None:
        until, row = self._kept.get(key.digest, (0.0, None))
        return row if self._clock() < until else None

    def _confirmed(self, key: PresentedKey, row: KeyRow | None) -> KeyRow:
        """Keep and return a row that says the same as the key's text; raises otherwise."""
        if (
            row is None
            or row.revoked_at is not None
            or (row.digest, row.team, row.environment) != (key.digest, key.team, self._environment)
        ):
            self._kept.pop(key.digest, None)
            raise Unauthorized(_REFUSAL)
        if len(self._kept) >= _KEPT_KEYS:
            del self._kept[next(iter(self._kept))]
        self._kept[key.digest] = (self._clock() + _KEPT_SECONDS, row)
        return row


@dataclass(frozen=True)
class Arrival:
    """A call whose key is good, with all that is known before it is decided on.

    ``call`` has its identity now. ``digest`` is its place in the exact cache, if it has one.
    ``replay`` is what its ``Idempotency-Key`` has been answered before; else ``claim`` is its own,
    which whoever takes the call fulfils or releases.
    """

    call: Call
    digest: str | None
    found: Admitted
    standing: Standing
    claim: Claim | None
    replay: StoredAnswer | None


class Entrance:
    """What every call meets first: key and exact cache → budgets → ``Idempotency-Key``."""

    def __init__(
        self,
        facts: CallFacts,
        admission: Admission,
        standing_of: StandingOf,
        idempotency: Idempotency,
    ) -> None:
        self._facts = facts
        self._admission = admission
        self._standing_of = standing_of
        self._idempotency = idempotency

    async def __call__(self, call: Call) -> Arrival:
        """Let a call in. Raises as :class:`Admission` and :class:`Idempotency` do."""
        call = replace(call, identity=self._facts.identity(call))
        digest = call.identity if self._facts.is_cached(call) else None
        found = await self._admission.admit(call.key, digest, call.request_id)
        standing = await self._standing_of(found.budgets)
        claim, replay = await self._idempotency.claim(call)
        return Arrival(call, digest, found, standing, claim, replay)

    def cached_answer(self, arrival: Arrival) -> StoredAnswer | None:
        """Return what the exact cache has for a call, where it may have that."""
        stored = arrival.found.answer
        return stored if stored and self._facts.may_serve(arrival.call, stored) else None
