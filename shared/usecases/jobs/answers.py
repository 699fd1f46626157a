"""From a line's result to an answer in the door's format, and to what it cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.completion import MalformedAnswer
from shared.domain.crossing import FORMATS, crossing
from shared.domain.doors import DOORS
from shared.domain.entries import Entry, Settlement, StoredAnswer
from shared.domain.errors import GatewayError, InvalidRequest, UpstreamFailed
from shared.domain.formats import Format, UsageDialect
from shared.domain.jobs.job import JobError
from shared.domain.jobs.lines import Line, LineResult, Owner
from shared.domain.prices import TokenCounts
from shared.domain.savings import Saving, of_charge
from shared.domain.schema_asked import schema_verdict
from shared.domain.usage import MalformedUsage
from shared.usecases.pricing import Pricing

_FINAL: Final = frozenset({400, 404, 413, 415, 422})
"""What a provider says of a line that would be answered no better a second time."""


@dataclass(frozen=True)
class Answer:
    """What a line brought: how it is settled, and the answer or why there is none.

    ``stored`` is what the exact cache keeps of it, if it may.
    """

    settlement: Settlement
    body: bytes = b""
    error: JobError | None = None
    stored: StoredAnswer | None = None


class Answers:
    """Reads results. What cannot be read was billed all the same."""

    def __init__(
        self,
        catalog: Catalog,
        pricing: Pricing,
        clock: Clock,
        own_nano: Callable[[Owner], int],
    ) -> None:
        self._catalog = catalog
        self._pricing = pricing
        self._clock = clock
        self._own_nano = own_nano

    def of(self, line: Line, result: LineResult, asked: Callable[[], dict[str, Any]]) -> Answer:
        """Return what an answered line brought; ``asked`` reads the body where it is needed."""
        entry = line.entry
        provider = self._catalog.providers[entry.provider]
        spoken = FORMATS[provider.wire_format]
        whole: dict[str, Any] = {}
        try:
            whole = _object(result.body)
            reason = spoken.finish_reason(whole, line.wish.choices)
            is_cacheable = spoken.is_cacheable(whole, line.wish.choices)
            way = crossing(DOORS[entry.door].format.name, spoken.name)
            own = way.whole(whole, int(self._clock()), provider.reasoning)
        except MalformedAnswer as error:
            tokens = self._tokens(spoken, whole, entry)
            failed = UpstreamFailed(f"The provider sent {error}.")
            return Answer(self._charged(line, tokens), error=told(failed))
        tokens = self._tokens(spoken, whole, entry)
        settled = self._settlement(line, tokens)
        if line.wish.is_judged:
            settled = dataclasses.replace(settled, schema=schema_verdict(asked(), own))
        settled = dataclasses.replace(settled, finish_reason=reason)
        body = result.body if own is whole else msgspec.json.encode(own)
        stored = self._stored(line, settled, body) if is_cacheable and tokens else None
        return Answer(settled, body, stored=stored)

    def _settlement(self, line: Line, tokens: TokenCounts | None) -> Settlement:
        if tokens is None:
            return dataclasses.replace(self._charged(line, None), outcome="answered")
        saving = self._pricing.answered(line.entry, tokens)
        return dataclasses.replace(
            self._settled(line, saving), tokens=tokens, usage_source="provider", outcome="answered"
        )

    def _charged(self, line: Line, tokens: TokenCounts | None) -> Settlement:
        """Charge what the provider says it billed, else all that was held."""
        if tokens is None:
            held = self._settled(line, of_charge(line.held.nano))
            return dataclasses.replace(held, usage_source="estimated")
        saving = self._pricing.charged(line.entry, tokens)
        settled = self._settled(line, saving)
        return dataclasses.replace(settled, tokens=tokens, usage_source="provider")

    def _settled(self, line: Line, saving: Saving) -> Settlement:
        """Return a settlement; the time that a call waited for a batch is no time of ours."""
        return Settlement(
            outcome="failed",
            tokens=TokenCounts(),
            usage_source="none",
            cost_nano=saving.cost_nano,
            baseline_nano=saving.baseline_nano,
            levers=saving.levers,
            aws_nano=self._own_nano(line.owner),
        )

    def unanswered(self, line: Line) -> Settlement:
        """Return how a line is settled that the provider does not bill: it cost us all the same."""
        nothing = Settlement("failed", TokenCounts(), "none", cost_nano=0, baseline_nano=0)
        return dataclasses.replace(nothing, aws_nano=self._own_nano(line.owner))

    def _tokens(self, spoken: Format, whole: dict[str, Any], entry: Entry) -> TokenCounts | None:
        provider = self._catalog.providers[entry.provider]
        try:
            dialect = UsageDialect(provider.usage, provider.reasoning)
            counted = spoken.tokens(whole.get("usage"), dialect)
        except MalformedUsage:
            return None
        return counted if counted.prompt else None

    def _stored(self, line: Line, settled: Settlement, body: bytes) -> StoredAnswer | None:
        wish, entry, now = line.wish, line.entry, int(self._clock())
        if wish.digest is None or wish.freshness.ttl_seconds <= 0:
            return None
        return StoredAnswer(
            team=entry.team,
            digest=wish.digest,
            body=body,
            model=entry.model,
            tier=entry.tier,
            tokens=settled.tokens,
            stored_at=now,
            expires_at=now + wish.freshness.ttl_seconds,
            freshness=wish.freshness.tier,
            repeats=wish.repeats,
        )


def may_go_again(result: LineResult | None) -> bool:
    """Whether a line that was not answered may be answered another time."""
    return result is None or result.status != "errored" or result.http_status not in _FINAL


def why_not(provider: str, result: LineResult | None) -> JobError:
    """Return why a line was not answered, as the same call would have been told."""
    if result is None:
        return told(UpstreamFailed(f"{provider} lost the call."))
    if result.status != "errored":
        return told(UpstreamFailed(f"{provider} did not answer in time: {result.status}."))
    if result.http_status in _FINAL:
        return told(InvalidRequest(f"{provider} refused the request: {result.message}"))
    return told(UpstreamFailed(f"{provider} failed with status {result.http_status}."))


def told(error: GatewayError) -> JobError:
    """Return what a job keeps of an error."""
    return JobError(error.status, error.type, error.code or "", error.message)


NOT_TAKEN: Final = told(UpstreamFailed("The gateway could not deal with the provider's answer."))
"""Why a line has no answer that was set aside."""


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise MalformedAnswer("an answer that is no JSON") from None
    if not isinstance(found, dict):
        raise MalformedAnswer("an answer that is no object")
    return found
