"""Counts a message's tokens with the provider that would answer it, where it can count.

Counting is free at Anthropic and offered nowhere else. It is a call to a provider all the same:
nothing is held for it, and the hold is settled at no cost.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.budgets import OpenHold
from shared.domain.completion import MalformedAnswer
from shared.domain.entries import Entry, KeyRow, Outcome, Settlement
from shared.domain.errors import InvalidRequest, StoreUnavailable, UpstreamFailed
from shared.domain.formats.openai_chat import decoded
from shared.domain.prices import TokenCounts
from shared.domain.routing import AUTO, TIERS
from shared.ports.calls import Meter, Upstream
from shared.usecases.calls import Call, WholeReply
from shared.usecases.holding import Holding, Wanted, expiry_of
from shared.usecases.provider_errors import refusal

_PATH: Final = "/messages/count_tokens"
_SECONDS: Final = 30.0
_COUNTS: Final = "anthropic-messages"


class CountTokens:
    """Asks the provider. Raises the errors of ``shared.domain.errors``."""

    def __init__(
        self, *, holding: Holding, upstream: Upstream, catalog: Catalog, meter: Meter, clock: Clock
    ) -> None:
        self._holding = holding
        self._upstream = upstream
        self._catalog = catalog
        self._meter = meter
        self._clock = clock

    async def __call__(self, call: Call, key: KeyRow) -> WholeReply:
        """Return ``{"input_tokens": N}`` for a checked body without ``max_tokens``."""
        model = self._model(call)
        entry = self._entry(call, key, model)
        wanted = Wanted(entry, key, 0, expires_at=expiry_of(call.deadline))
        hold = await asyncio.to_thread(self._holding.reserve, wanted, None)
        try:
            count = await self._ask(call, hold, model)
        except BaseException:
            await self._settle(hold, "failed")
            raise
        await self._settle(hold, "answered")
        return WholeReply(msgspec.json.encode({"input_tokens": count}), {"model": model.id})

    def _model(self, call: Call) -> Model:
        """Return the model itself, or the first of its tier whose provider can count."""
        asked, at = call.request.model, utc(call.started_at)
        tiers = TIERS if asked == AUTO else [tier for tier in TIERS if tier == asked]
        wanted = (
            [model for tier in tiers for model in self._catalog.candidates(tier, at)]
            if tiers
            else [self._catalog.model(asked, at)]
        )
        for model in wanted:
            if self._catalog.providers[model.provider].protocol == _COUNTS:
                return model
        raise InvalidRequest(f"The provider of {asked!r} cannot count tokens.", param="model")

    async def _ask(self, call: Call, hold: OpenHold, model: Model) -> int:
        provider = self._catalog.providers[model.provider]
        body = msgspec.json.encode({**call.body, "model": model.id})
        async with self._upstream.post(
            hold, provider, _PATH, body, timeout_seconds=_SECONDS
        ) as reply:
            if reply.status != 200:
                raise await refusal(provider, reply)
            raw = b"".join([chunk async for chunk in reply.chunks()])
        return _count(raw)

    async def _settle(self, hold: OpenHold, outcome: Outcome) -> None:
        entry = hold.entry
        settlement = Settlement(outcome, TokenCounts(), "none", cost_nano=0, baseline_nano=0)
        try:
            await asyncio.to_thread(self._holding.settle, hold, settlement)
        except StoreUnavailable:
            self._meter.trouble("unsettled", request_id=entry.request_id, cost_nano=0)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)

    def _entry(self, call: Call, key: KeyRow, model: Model) -> Entry:
        return Entry(
            request_id=call.request_id,
            opened_at=call.started_at,
            team=key.team,
            key_id=key.key_id,
            door="count_tokens",
            requested_model=call.request.model,
            model=model.id,
            provider=model.provider,
            tier=model.tier,
            price_version=self._catalog.price_version,
            stream=False,
            cache="bypass",
            route_reason="counting",
            feature=call.controls.feature,
            task=call.controls.task,
        )


def _count(raw: bytes) -> int:
    try:
        count = decoded(raw).get("input_tokens")
    except MalformedAnswer as error:
        raise UpstreamFailed(f"The provider sent {error}.", may_bill=False) from error
    if type(count) is not int:
        raise UpstreamFailed("The provider sent no count.", may_bill=False)
    return count
