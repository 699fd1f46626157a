"""Answers a chat call, in the order a request meets it.

Key → exact cache → route → opened entry → provider → settlement → cache → log → last bytes.

A hit costs one read and one write; a miss one read, the opened entry, the provider, the
settlement and the stored answer. Nothing else happens in series.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.catalog import Catalog, Model, Provider
from shared.clock import Clock, utc
from shared.domain.cache_key import answer_digest
from shared.domain.completion import replay
from shared.domain.entries import Entry, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.notes import notes
from shared.domain.routing import TIERS
from shared.domain.sse import DONE, data_frame
from shared.ports import Meter, Store
from shared.usecases.admission import Admission
from shared.usecases.background import Background
from shared.usecases.calls import ChatCall, ProviderCall, StreamReply, WholeReply
from shared.usecases.provider_call import ProviderCaller
from shared.usecases.relay import Relay
from shared.usecases.settling import Keeping, Settler

AUTO: Final = "auto"
Reply = WholeReply | StreamReply


@dataclass(frozen=True)
class Policy:
    """What this deployment answers by."""

    environment: str
    policy_version: str
    baseline_model: str


@dataclass(frozen=True)
class _Route:
    model: Model
    reason: str


class AnswerChat:
    """The chat use case. Raises the errors of ``shared.domain.errors``."""

    def __init__(
        self,
        *,
        policy: Policy,
        catalog: Catalog,
        store: Store,
        admission: Admission,
        caller: ProviderCaller,
        settler: Settler,
        meter: Meter,
        background: Background,
        clock: Clock,
        keep_alive_seconds: float,
    ) -> None:
        self._keep_alive_seconds = keep_alive_seconds
        self._policy = policy
        self._catalog = catalog
        self._store = store
        self._admission = admission
        self._caller = caller
        self._settler = settler
        self._meter = meter
        self._background = background
        self._clock = clock

    async def __call__(self, call: ChatCall) -> Reply:
        """Answer one call, from the cache or from a provider."""
        digest = self._digest(call)
        key, stored = await self._admission.admit(call.key, digest)
        if stored and call.controls.cache.reads and stored.is_fresh(self._clock()):
            return await self._from_cache(call, key, stored)
        return await self._from_provider(call, key, self._keeping(call, digest, stored))

    def _digest(self, call: ChatCall) -> str | None:
        """Return the digest to look under, or None where the cache has no part in this call."""
        controls = call.controls
        freshness = self._catalog.freshness.decide(controls.cache, call.request.last_user_text())
        if controls.cache.mode == "bypass" or freshness.ttl_seconds == 0:
            return None
        return answer_digest(
            environment=self._policy.environment,
            team=call.key.team,
            policy_version=self._policy.policy_version,
            task=controls.task,
            body=call.body,
        )

    def _keeping(self, call: ChatCall, digest: str | None, stored: StoredAnswer | None) -> Keeping:
        """Decide how long the new answer lasts; an expired one's repeats are remembered."""
        repeats = stored.repeats + 1 if stored else 0
        freshness = self._catalog.freshness.decide(
            call.controls.cache, call.request.last_user_text(), repeats
        )
        return Keeping(digest, freshness, repeats)

    async def _from_cache(self, call: ChatCall, key: KeyRow, stored: StoredAnswer) -> Reply:
        model = self._catalog.priced[stored.model]
        entry = self._entry(call, key, model, "hit", "exact cache", stored.tier)
        settlement = self._settler.price_hit(entry, stored)
        recording = self._background.spawn(self._record_hit(entry, settlement, stored))
        facts = notes(entry, settlement)
        if not call.request.stream:
            await asyncio.shield(recording)
            return WholeReply(stored.body, facts)
        relay = Relay(call.render_error, self._keep_alive_seconds)
        self._background.spawn(self._replay(call, stored, facts, recording, relay))
        return StreamReply(relay, facts)

    async def _replay(
        self,
        call: ChatCall,
        stored: StoredAnswer,
        facts: dict[str, str],
        recording: asyncio.Task[None],
        relay: Relay,
    ) -> None:
        """Send a stored answer as a stream; its end waits for the record of the hit."""
        chunks = replay(
            msgspec.json.decode(stored.body),
            include_usage=call.request.wants_usage_chunk,
            notes=facts,
        )
        *first, last = (data_frame(msgspec.json.encode(chunk)) for chunk in chunks)
        async with relay.feeding():
            for frame in first:
                await relay.send(frame)
            await recording
            await relay.send(last + DONE)

    async def _record_hit(self, entry: Entry, settlement: Settlement, stored: StoredAnswer) -> None:
        """Write the hit down. A hit costs nothing, so a store that is down does not undo it."""
        try:
            await asyncio.to_thread(self._store.record_hit, entry, settlement, self._repeat(stored))
        except StoreUnavailable:
            self._meter.trouble("unsettled", request_id=entry.request_id, cost_nano=0)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)

    def _repeat(self, stored: StoredAnswer) -> Repeat | None:
        """Count repeats until an answer is promoted; after that a hit is a single plain write."""
        if stored.freshness != "default":
            return None
        policy = self._catalog.freshness
        is_frequent = stored.repeats + 1 >= policy.frequent_repeats
        promoted = Freshness("frequent", policy.frequent_ttl) if is_frequent else None
        return Repeat(stored, promoted)

    async def _from_provider(self, call: ChatCall, key: KeyRow, keeping: Keeping) -> Reply:
        route = self._route(call)
        cache = "bypass" if keeping.digest is None else "miss"
        entry = self._entry(call, key, route.model, cache, route.reason, route.model.tier)
        self._settler.check_prices(entry)
        await asyncio.to_thread(self._store.open_entry, entry)
        provider = self._catalog.providers[entry.provider]
        plan = ProviderCall(call, entry, keeping, wire_body(call, entry, provider))
        if not call.request.stream:
            return await self._background.run(self._caller.whole(plan))
        relay = Relay(call.render_error, self._keep_alive_seconds)
        self._background.spawn(self._caller.stream(plan, relay))
        await relay.begun()
        return StreamReply(relay, notes(entry, None))

    def _route(self, call: ChatCall) -> _Route:
        asked = call.request.model
        at = utc(call.started_at)
        if asked == AUTO:
            verdict = self._catalog.routing.decide(call.request, call.controls.task)
            return _Route(self._catalog.cheapest(verdict.tier, at), verdict.reason)
        for tier in TIERS:
            if asked == tier:
                return _Route(self._catalog.cheapest(tier, at), f"tier {tier} was asked for")
        return _Route(self._catalog.model(asked, at), "this model was asked for")

    def _entry(
        self,
        call: ChatCall,
        key: KeyRow,
        model: Model,
        cache: Any,
        reason: str,
        tier: str | None,
    ) -> Entry:
        return Entry(
            request_id=call.request_id,
            opened_at=call.started_at,
            team=key.team,
            key_id=key.key_id,
            door="chat",
            requested_model=call.request.model,
            model=model.id,
            provider=model.provider,
            tier=tier,
            price_version=self._catalog.price_version,
            stream=bool(call.request.stream),
            cache=cache,
            route_reason=reason,
            feature=call.controls.feature,
            task=call.controls.task,
        )


def wire_body(call: ChatCall, entry: Entry, provider: Provider) -> bytes:
    """Return the body for the provider: the caller's, with our model, pins and usage switch."""
    body = dict(call.body) | {"model": entry.model} | dict(provider.pins)
    for name in ("max_tokens", "max_completion_tokens"):
        if (limit := body.pop(name, None)) is not None:
            body[provider.output_limit] = limit
    if call.request.stream:
        options = body.get("stream_options") or {}
        body["stream_options"] = {**options, "include_usage": True}
    return msgspec.json.encode(body)
