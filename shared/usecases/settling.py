"""How a call ends: its price, its usage entry, its cached answer, its log line, in this order.

All of it is done before the bytes that end the answer are sent, because the environment
freezes when they are.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.completion import finish_reasons, is_cacheable
from shared.domain.entries import Entry, Settlement, StoredAnswer, UsageSource
from shared.domain.errors import (
    GatewayError,
    InvalidRequest,
    StoreUnavailable,
    UpstreamFailed,
    UpstreamTimedOut,
)
from shared.domain.freshness import Freshness
from shared.domain.prices import TokenCounts
from shared.domain.routing import TIERS
from shared.domain.usage import MalformedUsage, openai_usage
from shared.ports import Meter, Store

_Counted = tuple[TokenCounts, UsageSource]
_NOTHING: Final[_Counted] = (TokenCounts(), "none")


@dataclass(frozen=True)
class Keeping:
    """Where and how long the answer of a call may be stored; no digest means nowhere."""

    digest: str | None
    freshness: Freshness
    repeats: int = 0


@dataclass(frozen=True)
class Bound:
    """Tokens that a call cannot have exceeded: text never has more tokens than bytes."""

    prompt: int
    output: int

    @property
    def tokens(self) -> TokenCounts:
        """The bound as counts, all of the prompt in the class of plain input."""
        return TokenCounts(input=self.prompt, output=self.output)


class Settler:
    """Ends calls.

    A store that fails now cannot undo a provider's bill: the answer is still delivered, the
    entry stays open for the audit, and the log line holds the figures.
    """

    def __init__(
        self, store: Store, meter: Meter, catalog: Catalog, clock: Clock, baseline_model: str
    ) -> None:
        self._store = store
        self._meter = meter
        self._catalog = catalog
        self._clock = clock
        self._baseline_model = baseline_model

    def check_prices(self, entry: Entry) -> None:
        """Raise ``UnpricedModel`` now rather than after a provider has been paid."""
        self._cost(entry.model, entry, TokenCounts())
        self.baseline(entry, TokenCounts())

    async def answered(
        self, entry: Entry, completion: dict[str, Any], choices: int, keeping: Keeping, bound: Bound
    ) -> Settlement:
        """Settle a whole answer and store it where it may be stored."""
        settlement = self.price_answer(entry, completion, choices, bound)
        await self._settle(entry, settlement)
        if self._is_kept(completion, choices, keeping, settlement):
            await self._keep(entry, completion, keeping, settlement)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)
        return settlement

    async def failed(
        self, entry: Entry, error: GatewayError, usage: object, bound: Bound
    ) -> Settlement:
        """Settle a call that brought no whole answer, at its bound where it may be billed."""
        may_bill = isinstance(error, UpstreamTimedOut) or (
            isinstance(error, UpstreamFailed) and error.may_bill
        )
        tokens, source = self._tokens(entry, usage, bound) if may_bill else _NOTHING
        cost = self._cost(entry.model, entry, tokens)
        settlement = Settlement(
            outcome="refused" if isinstance(error, InvalidRequest) else "failed",
            tokens=tokens,
            usage_source=source,
            cost_nano=cost,
            baseline_nano=cost,
        )
        await self._settle(entry, settlement)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)
        return settlement

    def price_answer(
        self, entry: Entry, completion: dict[str, Any], choices: int, bound: Bound
    ) -> Settlement:
        """Return what an answer cost and what it would have cost without the gateway."""
        tokens, source = self._tokens(entry, completion.get("usage"), bound)
        return Settlement(
            outcome="answered",
            tokens=tokens,
            usage_source=source,
            cost_nano=self._cost(entry.model, entry, tokens),
            baseline_nano=self.baseline(entry, tokens),
            finish_reason=finish_reasons(completion, choices)[0],
        )

    def price_hit(self, entry: Entry, answer: StoredAnswer) -> Settlement:
        """Return the settlement of an answer from the cache: nothing paid, all of it saved."""
        return Settlement(
            outcome="answered",
            tokens=answer.tokens,
            usage_source="stored",
            cost_nano=0,
            baseline_nano=self.baseline(entry, answer.tokens),
        )

    def baseline(self, entry: Entry, tokens: TokenCounts) -> int:
        """Return the list price, without any cache, of what the caller asked for.

        ``auto`` stands for the environment's baseline model, a tier for the model it chose.
        """
        model = entry.requested_model
        if model == "auto":
            model = self._baseline_model
        elif model in TIERS:
            model = entry.model
        return self._cost(model, entry, tokens.without_cache())

    def _tokens(self, entry: Entry, usage: object, bound: Bound) -> _Counted:
        provider = self._catalog.providers[entry.provider]
        try:
            return openai_usage(usage, reasoning=provider.reasoning), "provider"
        except MalformedUsage as reason:
            self._meter.trouble("usage", request_id=entry.request_id, reason=str(reason))
            return bound.tokens, "bound"

    def _cost(self, model: str, entry: Entry, tokens: TokenCounts) -> int:
        return self._catalog.priced[model].price(utc(entry.opened_at)).cost(tokens)

    async def _settle(self, entry: Entry, settlement: Settlement) -> None:
        try:
            await asyncio.to_thread(self._store.settle_entry, entry, settlement)
        except StoreUnavailable:
            self._meter.trouble(
                "unsettled", request_id=entry.request_id, cost_nano=settlement.cost_nano
            )

    def _is_kept(
        self, completion: dict[str, Any], choices: int, keeping: Keeping, settlement: Settlement
    ) -> bool:
        return (
            keeping.digest is not None
            and keeping.freshness.ttl_seconds > 0
            and settlement.usage_source == "provider"
            and is_cacheable(completion, choices)
        )

    async def _keep(
        self, entry: Entry, completion: dict[str, Any], keeping: Keeping, settlement: Settlement
    ) -> None:
        now = int(self._clock())
        expires_at = now + keeping.freshness.ttl_seconds
        answer = StoredAnswer(
            team=entry.team,
            digest=keeping.digest or "",
            body=msgspec.json.encode(completion),
            model=entry.model,
            tier=entry.tier,
            tokens=settlement.tokens,
            stored_at=now,
            expires_at=expires_at,
            freshness=keeping.freshness.tier,
            repeats=keeping.repeats,
        )
        purge_at = expires_at + self._catalog.freshness.memory_seconds
        try:
            await asyncio.to_thread(self._store.put_answer, answer, purge_at)
        except StoreUnavailable:
            self._meter.trouble("uncached", request_id=entry.request_id)
