"""Answers a call, in the order a request meets it.

Key → exact cache → ladder → route → hold → provider → settlement → cache → log → last bytes.

A hit costs one read and one write; a miss one read, the hold, the provider, the settlement and the
stored answer. Nothing else happens in series.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass

import msgspec

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.cache_key import answer_digest
from shared.domain.entries import (
    REPLAY,
    CacheResult,
    Claim,
    Entry,
    KeyRow,
    Repeat,
    Settlement,
    StoredAnswer,
)
from shared.domain.errors import StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.notes import notes
from shared.ports import Meter, Store
from shared.usecases.admission import Admission, Admitted
from shared.usecases.attempts import Attempts
from shared.usecases.background import Background
from shared.usecases.calls import Call, Plan, StreamReply, WholeReply
from shared.usecases.idempotency import Idempotency
from shared.usecases.relay import Relay
from shared.usecases.route import ModelRouter, Route
from shared.usecases.settling import Keeping, Settler
from shared.usecases.standing import Standing, StandingOf

Reply = WholeReply | StreamReply
_EXACT = "exact cache"
_DIGEST_CHARACTERS = 16
"""Of 64: enough to tell one caller's requests of a minute apart."""


@dataclass(frozen=True)
class Policy:
    """What this deployment answers by."""

    environment: str
    policy_version: str


class AnswerCall:
    """The use case behind every interactive door. Raises ``shared.domain.errors``."""

    def __init__(
        self,
        *,
        policy: Policy,
        catalog: Catalog,
        store: Store,
        admission: Admission,
        idempotency: Idempotency,
        standing_of: StandingOf,
        router: ModelRouter,
        attempts: Attempts,
        settler: Settler,
        meter: Meter,
        background: Background,
        clock: Clock,
        keep_alive_seconds: float,
    ) -> None:
        self._policy = policy
        self._catalog = catalog
        self._store = store
        self._admission = admission
        self._idempotency = idempotency
        self._standing_of = standing_of
        self._router = router
        self._attempts = attempts
        self._settler = settler
        self._meter = meter
        self._background = background
        self._clock = clock
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, call: Call) -> Reply:
        """Answer one call, from the cache or from a provider."""
        call = dataclasses.replace(call, identity=self._identity(call))
        digest = call.identity if self._is_cached(call) else None
        found = await self._admission.admit(call.key, digest, call.request_id)
        standing = await self._standing_of(found.budgets)
        claim, replay = await self._idempotency.claim(call)
        if replay is not None:
            return await self._from_memory(call, found, standing, replay, REPLAY, None)
        stored = found.answer
        if stored and self._may_serve(call, stored):
            return await self._from_memory(call, found, standing, stored, _EXACT, claim)
        try:
            standing.check_interactive()
            route = self._router.route(call, found.health, standing)
        except BaseException:
            await self._idempotency.release(claim)
            raise
        keeping = self._keeping(call, digest, stored)
        return await self._from_provider(call, found, standing, route, keeping, claim)

    def _may_serve(self, call: Call, stored: StoredAnswer) -> bool:
        """Whether a stored answer is fresh, also by the caller's own limit on its age."""
        now, control = self._clock(), call.controls.cache
        if control.ttl_seconds is not None and now >= stored.stored_at + control.ttl_seconds:
            return False
        return control.reads and stored.is_fresh(now)

    def _is_cached(self, call: Call) -> bool:
        """Whether the cache has a part in this call."""
        control = call.controls.cache
        freshness = self._catalog.freshness.decide(control, call.request.user_text())
        return control.mode != "bypass" and freshness.ttl_seconds > 0

    def _identity(self, call: Call) -> str:
        """Return the digest that the same request of the same team has, and no other."""
        return answer_digest(
            environment=self._policy.environment,
            team=call.key.team,
            policy_version=self._policy.policy_version,
            door=call.door,
            task=call.controls.task,
            body=call.body,
        )

    def _keeping(self, call: Call, digest: str | None, stored: StoredAnswer | None) -> Keeping:
        """Decide how long the new answer lasts; an expired one's repeats are remembered."""
        repeats = stored.repeats + 1 if stored else 0
        freshness = self._catalog.freshness.decide(
            call.controls.cache, call.request.user_text(), repeats
        )
        return Keeping(digest, freshness, repeats)

    async def _from_memory(
        self,
        call: Call,
        found: Admitted,
        standing: Standing,
        stored: StoredAnswer,
        reason: str,
        claim: Claim | None,
    ) -> Reply:
        model = self._catalog.priced[stored.model]
        entry = self._entry(call, found.key, model, "hit", reason)
        settlement = self._settler.price_hit(entry, stored)
        repeat = self._repeat(stored) if reason == _EXACT else None
        recording = self._background.spawn(
            self._record_hit(entry, settlement, repeat, claim, stored)
        )
        facts = notes(entry, settlement) | dict(standing.facts)
        if not call.is_stream:
            await asyncio.shield(recording)
            return WholeReply(stored.body, facts)
        relay = Relay(call.render_error, self._keep_alive_seconds)
        self._background.spawn(self._replay(call, stored, facts, recording, relay))
        return StreamReply(relay, facts)

    async def _replay(
        self,
        call: Call,
        stored: StoredAnswer,
        facts: dict[str, str],
        recording: asyncio.Task[None],
        relay: Relay,
    ) -> None:
        """Send a stored answer as a stream; its end waits for the record of the hit."""
        async with relay.feeding():
            whole = msgspec.json.decode(stored.body)
            include_usage = call.request.wants_usage_chunk
            events = call.format.replay(whole, facts, include_usage=include_usage)
            *first, last = (call.format.frame(event) for event in events)
            for frame in first:
                await relay.send(frame)
            await recording
            await relay.send(last + call.format.closing)

    async def _record_hit(
        self,
        entry: Entry,
        settlement: Settlement,
        repeat: Repeat | None,
        claim: Claim | None,
        stored: StoredAnswer,
    ) -> None:
        """Write the hit down. A hit costs nothing, so a store that is down does not undo it."""
        try:
            day = f"{utc(self._clock()):%Y-%m-%d}"
            await asyncio.to_thread(self._store.record_hit, entry, settlement, repeat, day)
        except StoreUnavailable:
            self._meter.trouble("unsettled", request_id=entry.request_id, cost_nano=0)
        await self._idempotency.fulfil(claim, stored)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)

    def _repeat(self, stored: StoredAnswer) -> Repeat | None:
        """Count repeats until an answer is promoted; after that a hit is a single plain write."""
        if stored.freshness != "default":
            return None
        policy = self._catalog.freshness
        is_frequent = stored.repeats + 1 >= policy.frequent_repeats
        if not is_frequent:
            return Repeat(stored)
        purge_at = stored.stored_at + policy.frequent_ttl + policy.memory_seconds
        return Repeat(stored, Freshness("frequent", policy.frequent_ttl), purge_at)

    async def _from_provider(
        self,
        call: Call,
        found: Admitted,
        standing: Standing,
        route: Route,
        keeping: Keeping,
        claim: Claim | None,
    ) -> Reply:
        cache: CacheResult = "bypass" if keeping.digest is None else "miss"
        plan = Plan(
            call=call,
            key=found.key,
            entry=self._entry(call, found.key, route.models[0], cache, route.reason),
            models=route.models,
            ailing=route.ailing,
            keeping=keeping,
            budgets=found.budgets,
            facts=standing.facts,
            claim=claim,
        )
        if not call.is_stream:
            return await self._background.run(self._attempts.whole(plan))
        relay = Relay(call.render_error, self._keep_alive_seconds)
        self._background.spawn(self._attempts.stream(plan, relay))
        await relay.begun()
        return StreamReply(relay, relay.notes)

    def _entry(
        self, call: Call, key: KeyRow, model: Model, cache: CacheResult, reason: str
    ) -> Entry:
        return Entry(
            request_id=call.request_id,
            opened_at=call.started_at,
            team=key.team,
            key_id=key.key_id,
            door=call.door,
            requested_model=call.request.model,
            model=model.id,
            provider=model.provider,
            tier=model.tier,
            price_version=self._catalog.price_version,
            stream=call.is_stream,
            cache=cache,
            route_reason=reason,
            feature=call.controls.feature,
            task=call.controls.task,
            request_digest=call.identity[:_DIGEST_CHARACTERS],
        )
