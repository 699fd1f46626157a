"""How an attempt ends: its price, its usage entry, its stored answer, its log line, in order.

All of it is done before the bytes that end the answer are sent, because the environment
freezes when they are.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock, utc
from shared.domain.budgets import OpenHold
from shared.domain.entries import Claim, Entry, Settlement, StoredAnswer, UsageSource
from shared.domain.errors import (
    GatewayError,
    InvalidRequest,
    StoreUnavailable,
    UpstreamFailed,
    UpstreamTimedOut,
)
from shared.domain.freshness import Freshness
from shared.domain.prices import TokenCounts
from shared.domain.routing import AUTO, TIERS
from shared.domain.usage import MalformedUsage
from shared.ports import Meter, Store
from shared.usecases.holding import Holding

if TYPE_CHECKING:
    from shared.usecases.calls import Attempt, Received

_Counted = tuple[TokenCounts, UsageSource]
_NOTHING: Final[_Counted] = (TokenCounts(), "none")


@dataclass(frozen=True)
class Keeping:
    """Where and how long the answer of a call may be stored; no digest means nowhere."""

    digest: str | None
    freshness: Freshness
    repeats: int = 0


class Settler:
    """Ends attempts.

    A ledger that fails now cannot undo a provider's bill: the answer is still delivered, the log
    line holds the figures, and the hold expires and is charged in full.
    """

    def __init__(
        self,
        store: Store,
        holding: Holding,
        meter: Meter,
        catalog: Catalog,
        clock: Clock,
        baseline_model: str,
    ) -> None:
        self._store = store
        self._holding = holding
        self._meter = meter
        self._catalog = catalog
        self._clock = clock
        self._baseline_model = baseline_model

    def check_prices(self, entry: Entry) -> None:
        """Raise ``UnpricedModel`` now rather than after a provider has been paid."""
        self._cost(entry.model, entry, TokenCounts())
        self.baseline(entry, TokenCounts())

    async def answered(
        self, attempt: Attempt, received: Received, keeping: Keeping, claim: Claim | None
    ) -> Settlement:
        """Settle a whole answer and store it where it may be stored."""
        entry = attempt.entry
        tokens, source = self._tokens(attempt, received.usage)
        settlement = Settlement(
            outcome="answered",
            tokens=tokens,
            usage_source=source,
            cost_nano=self._cost(entry.model, entry, tokens),
            baseline_nano=self.baseline(entry, tokens),
            finish_reason=received.finish_reason,
        )
        await self._settle(attempt.hold, settlement)
        await self._store_answer(entry, received, settlement, keeping, claim)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)
        return settlement

    async def failed(self, attempt: Attempt, error: BaseException) -> Settlement:
        """Settle an attempt that brought no whole answer; what may be billed is charged."""
        entry = attempt.entry
        may_bill = not isinstance(error, GatewayError) or isinstance(error, UpstreamTimedOut)
        if isinstance(error, UpstreamFailed):
            may_bill = error.may_bill
        tokens, source = self._tokens(attempt, attempt.progress.usage) if may_bill else _NOTHING
        cost = self._cost(entry.model, entry, tokens)
        settlement = Settlement(
            outcome="refused" if isinstance(error, InvalidRequest) else "failed",
            tokens=tokens,
            usage_source=source,
            cost_nano=cost,
            baseline_nano=cost,
        )
        await self._settle(attempt.hold, settlement)
        self._meter.settled(entry, settlement, self._clock() - entry.opened_at)
        return settlement

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
        if model == AUTO:
            model = self._baseline_model
        elif model in TIERS:
            model = entry.model
        return self._cost(model, entry, tokens.without_cache())

    def _tokens(self, attempt: Attempt, usage: object) -> _Counted:
        try:
            counted = _billed(attempt, usage)
        except MalformedUsage as reason:
            request_id = attempt.entry.request_id
            self._meter.trouble("usage", request_id=request_id, reason=str(reason))
            return attempt.most, "estimated"
        return counted, "provider"

    def _cost(self, model: str, entry: Entry, tokens: TokenCounts) -> int:
        return self._catalog.priced[model].price(utc(entry.opened_at)).cost(tokens)

    async def _settle(self, opened: OpenHold, settlement: Settlement) -> None:
        try:
            await asyncio.to_thread(self._holding.settle, opened, settlement)
        except StoreUnavailable:
            request_id, cost = opened.entry.request_id, settlement.cost_nano
            self._meter.trouble("unsettled", request_id=request_id, cost_nano=cost)

    async def _store_answer(
        self,
        entry: Entry,
        received: Received,
        settlement: Settlement,
        keeping: Keeping,
        claim: Claim | None,
    ) -> None:
        """Store the answer in the cache if it may be kept, and under the claim if there is one."""
        is_kept = (
            keeping.digest is not None
            and keeping.freshness.ttl_seconds > 0
            and settlement.usage_source == "provider"
            and received.is_cacheable
        )
        if not is_kept and claim is None:
            return
        answer = self._answer(entry, received, settlement, keeping)
        try:
            if is_kept:
                purge_at = answer.expires_at + self._catalog.freshness.memory_seconds
                await asyncio.to_thread(self._store.put_answer, answer, purge_at)
            if claim is not None:
                answered = dataclasses.replace(claim, answer=answer)
                await asyncio.to_thread(self._store.fulfil, answered)
        except StoreUnavailable:
            self._meter.trouble("uncached", request_id=entry.request_id)

    def _answer(
        self, entry: Entry, received: Received, settlement: Settlement, keeping: Keeping
    ) -> StoredAnswer:
        now = int(self._clock())
        return StoredAnswer(
            team=entry.team,
            digest=keeping.digest or "",
            body=msgspec.json.encode(received.whole),
            model=entry.model,
            tier=entry.tier,
            tokens=settlement.tokens,
            stored_at=now,
            expires_at=now + keeping.freshness.ttl_seconds,
            freshness=keeping.freshness.tier,
            repeats=keeping.repeats,
        )


def _billed(attempt: Attempt, usage: object) -> TokenCounts:
    """Read the billed tokens; raises ``MalformedUsage``, also for a prompt of no tokens at all.

    A server that fills in zeros where it did not count must not make an answer free.
    """
    counted = attempt.provider_format.tokens(usage, attempt.dialect)
    if counted.prompt == 0:
        raise MalformedUsage("no prompt tokens")
    return counted
