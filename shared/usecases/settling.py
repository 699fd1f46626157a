"""How an attempt ends: its price, its usage entry, its stored answer, its log line, in order.

All of it is done before the bytes that end the answer are sent, because the environment
freezes when they are.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.budgets import OpenHold
from shared.domain.entries import Claim, Entry, Outcome, Settlement, StoredAnswer, UsageSource
from shared.domain.errors import (
    GatewayError,
    InvalidRequest,
    StoreUnavailable,
    UpstreamFailed,
    UpstreamTimedOut,
)
from shared.domain.freshness import Freshness
from shared.domain.own_cost import OwnCost, Path
from shared.domain.prices import TokenCounts
from shared.domain.savings import Saving
from shared.domain.usage import MalformedUsage
from shared.usecases.holding import Holding
from shared.usecases.pricing import Pricing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.domain.formats import Whole
    from shared.domain.jobs.lines import Owner
    from shared.domain.schema_check import SchemaVerdict
    from shared.ports.calls import Meter, Store
    from shared.usecases.calls import Attempt, Received

_Counted = tuple[TokenCounts, UsageSource]
_NOTHING: Final[_Counted] = (TokenCounts(), "none")


@dataclass(frozen=True)
class Keeping:
    """Where and how long the answer of a call may be stored; no digest means nowhere."""

    digest: str | None
    freshness: Freshness
    repeats: int = 0


@dataclass(frozen=True)
class Function:
    """What this function costs at AWS: the rates, and the memory that it is billed for."""

    own_cost: OwnCost
    memory_mb: int


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
        pricing: Pricing,
        function: Function,
    ) -> None:
        self._store = store
        self._holding = holding
        self._meter = meter
        self._catalog = catalog
        self._clock = clock
        self._pricing = pricing
        self._function = function

    def check_prices(self, entry: Entry) -> None:
        """Raise ``UnpricedModel`` now rather than after a provider has been paid."""
        self._pricing.check(entry)

    async def answered(
        self, attempt: Attempt, received: Received, keeping: Keeping, claim: Claim | None
    ) -> Settlement:
        """Settle a whole answer and store it where it may be stored."""
        entry = attempt.entry
        tokens, source = self._tokens(attempt, received.usage)
        settlement = dataclasses.replace(
            self._attempted(attempt, "answered", self._pricing.answered(entry, tokens), "miss"),
            tokens=tokens,
            usage_source=source,
            finish_reason=received.finish_reason,
            schema=_schema_verdict(attempt.call.body, received.whole),
        )
        await self._settle(attempt.hold, settlement)
        await self._store_answer(entry, received, settlement, keeping, claim)
        self._tell(attempt, settlement)
        return settlement

    async def failed(self, attempt: Attempt, error: BaseException) -> Settlement:
        """Settle an attempt that brought no whole answer; what may be billed is charged."""
        entry = attempt.entry
        may_bill = not isinstance(error, GatewayError) or isinstance(error, UpstreamTimedOut)
        if isinstance(error, UpstreamFailed):
            may_bill = error.may_bill
        tokens, source = self._tokens(attempt, attempt.progress.usage) if may_bill else _NOTHING
        outcome: Outcome = "refused" if isinstance(error, InvalidRequest) else "failed"
        settlement = dataclasses.replace(
            self._attempted(attempt, outcome, self._pricing.charged(entry, tokens), "uncached"),
            tokens=tokens,
            usage_source=source,
        )
        await self._settle(attempt.hold, settlement)
        self._tell(attempt, settlement)
        return settlement

    def _tell(self, attempt: Attempt, settlement: Settlement) -> None:
        seconds = self._clock() - attempt.entry.opened_at
        self._meter.settled(attempt.entry, settlement, seconds, attempt.hold.hold.nano)

    def price_hit(self, entry: Entry, answer: StoredAnswer) -> Settlement:
        """Return the settlement of an answer from the cache: nothing paid, all of it saved."""
        saving = self._pricing.hit(entry, answer.tokens)
        return dataclasses.replace(
            self._settlement(entry, "answered", saving, "hit", entry.opened_at),
            tokens=answer.tokens,
            usage_source="stored",
        )

    def line_nano(self, owner: Owner) -> int:
        """Return what a deferred call or a line of a batch costs at AWS that none is called for.

        It has no function's time of its own.
        """
        path: Path = "deferred" if owner == "job" else "batch_line"
        function = self._function
        return function.own_cost.nano(path, milliseconds=0, memory_mb=function.memory_mb)

    def _attempted(
        self, attempt: Attempt, outcome: Outcome, saving: Saving, path: Path
    ) -> Settlement:
        """Return how an attempt ends; one that could wait paid for no function while it did."""
        call = attempt.call
        path = path if call.answer_by is None else "deferred"
        return self._settlement(attempt.entry, outcome, saving, path, call.started_at)

    def _settlement(
        self, entry: Entry, outcome: Outcome, saving: Saving, path: Path, run_since: float
    ) -> Settlement:
        """Return how a call ends that a function has been running for since an epoch second."""
        now, function = self._clock(), self._function
        return Settlement(
            outcome=outcome,
            tokens=TokenCounts(),
            usage_source="none",
            cost_nano=saving.cost_nano,
            baseline_nano=saving.baseline_nano,
            levers=saving.levers,
            milliseconds=_milliseconds(now - entry.opened_at),
            aws_nano=function.own_cost.nano(
                path,
                milliseconds=_milliseconds(now - run_since),
                memory_mb=function.memory_mb,
            ),
        )

    def _tokens(self, attempt: Attempt, usage: object) -> _Counted:
        try:
            counted = _billed(attempt, usage)
        except MalformedUsage as reason:
            request_id = attempt.entry.request_id
            self._meter.trouble("usage", request_id=request_id, reason=str(reason))
            return attempt.most, "estimated"
        return counted, "provider"

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


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _billed(attempt: Attempt, usage: object) -> TokenCounts:
    """Read the billed tokens; raises ``MalformedUsage``, also for a prompt of no tokens at all.

    A server that fills in zeros where it did not count must not make an answer free.
    """
    counted = attempt.provider_format.tokens(usage, attempt.dialect)
    if counted.prompt == 0:
        raise MalformedUsage("no prompt tokens")
    return counted


def _schema_verdict(body: Mapping[str, Any], whole: Whole) -> SchemaVerdict | None:
    """Judge an answer by the schema that was asked for; few ask, so few import the judge."""
    if not (body.get("response_format") or body.get("output_config")):
        return None
    from shared.domain.schema_asked import schema_verdict  # noqa: PLC0415

    return schema_verdict(dict(body), whole)
