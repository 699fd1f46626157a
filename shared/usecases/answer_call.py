"""Answers a call, in the order a request meets it.

Key → exact cache → ladder → route → hold → provider → settlement → cache → log → last bytes.

A hit costs one read and one write; a miss one read, the hold, the provider, the settlement and the
stored answer. Nothing else happens in series.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.entries import (
    REPLAY,
    CacheResult,
    Claim,
    Entry,
    Repeat,
    Settlement,
    StoredAnswer,
)
from shared.domain.errors import StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.notes import notes
from shared.usecases.admission import Admission, Arrival, Entrance
from shared.usecases.attempts import Attempts
from shared.usecases.background import Background
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.calls import Call, Plan, StreamReply, WholeReply
from shared.usecases.idempotency import Idempotency
from shared.usecases.relay import Relay
from shared.usecases.route import ModelRouter, Route
from shared.usecases.settling import Settler
from shared.usecases.standing import StandingOf

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Store

Reply = WholeReply | StreamReply
_EXACT = "exact cache"


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
        self._facts = CallFacts(policy, catalog, clock)
        self._catalog = catalog
        self._store = store
        self._entrance = Entrance(self._facts, admission, standing_of, idempotency)
        self._idempotency = idempotency
        self._router = router
        self._attempts = attempts
        self._settler = settler
        self._meter = meter
        self._background = background
        self._clock = clock
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, call: Call) -> Reply:
        """Answer one call, from the cache or from a provider."""
        arrival = await self._entrance(call)
        if arrival.replay is not None:
            return await self._from_memory(arrival, arrival.replay, REPLAY)
        if stored := self._entrance.cached_answer(arrival):
            return await self._from_memory(arrival, stored, _EXACT)
        try:
            arrival.standing.check_interactive()
            route = self._router.route(arrival.call, arrival.found.health, arrival.standing)
        except BaseException:
            await self._idempotency.release(arrival.claim)
            raise
        return await self._from_provider(arrival, route)

    async def _from_memory(self, arrival: Arrival, stored: StoredAnswer, reason: str) -> Reply:
        call = arrival.call
        model = self._catalog.priced[stored.model]
        entry = self._facts.entry(call, arrival.found.key, model, "hit", reason)
        settlement = self._settler.price_hit(entry, stored)
        repeat = self._repeat(stored) if reason == _EXACT else None
        recording = self._background.spawn(
            self._record_hit(entry, settlement, repeat, arrival.claim, stored)
        )
        facts = notes(entry, settlement) | dict(arrival.standing.facts)
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

    async def _from_provider(self, arrival: Arrival, route: Route) -> Reply:
        call, found = arrival.call, arrival.found
        keeping = self._facts.keeping(call, arrival.digest, found.answer)
        cache: CacheResult = "bypass" if keeping.digest is None else "miss"
        plan = Plan(
            call=call,
            key=found.key,
            entry=self._facts.entry(call, found.key, route.models[0], cache, route.reason),
            models=route.models,
            ailing=route.ailing,
            keeping=keeping,
            budgets=found.budgets,
            facts=arrival.standing.facts,
            claim=arrival.claim,
        )
        if not call.is_stream:
            return await self._background.run(self._attempts.whole(plan))
        relay = Relay(call.render_error, self._keep_alive_seconds)
        self._background.spawn(self._attempts.stream(plan, relay))
        await relay.begun()
        return StreamReply(relay, relay.notes)
