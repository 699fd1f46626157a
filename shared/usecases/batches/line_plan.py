"""What becomes of one line: a model that is asked, at most at what price, or why none is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import msgspec

from shared.catalog import Catalog, Model
from shared.clock import utc
from shared.domain.api_keys import PresentedKey
from shared.domain.batches.batch import Batch
from shared.domain.batches.lines import Line, LineCall, read_call
from shared.domain.batches.records import Fault, PlannedLine, Record
from shared.domain.doors import DOORS
from shared.domain.entries import CacheResult, Entry, KeyRow, StoredAnswer
from shared.domain.errors import GatewayError, InvalidRequest
from shared.domain.formats import Format
from shared.domain.jobs.job import Wish
from shared.usecases.attempts import check_max_cost
from shared.usecases.call_facts import CallFacts
from shared.usecases.calls import Call
from shared.usecases.jobs.bodies import Wires, asked_of
from shared.usecases.pricing import Pricing
from shared.usecases.route import ModelRouter
from shared.usecases.standing import Standing


@dataclass(frozen=True)
class CheckedLine:
    """A line whose call is a good one; ``digest`` is its place in the cache, if it has one."""

    line: Line
    call: Call
    digest: str | None


class LinePlanner:
    """Decides line by line. Asks nobody."""

    def __init__(
        self, facts: CallFacts, catalog: Catalog, router: ModelRouter, pricing: Pricing
    ) -> None:
        self._facts = facts
        self._catalog = catalog
        self._router = router
        self._pricing = pricing
        self._wires = Wires(catalog)

    def checked(self, batch: Batch, environment: str, line: Line) -> CheckedLine:
        """Check the call of a line; raises ``InvalidRequest``."""
        door = DOORS[batch.door]
        call = _call(batch, environment, read_call(line, door), door.format)
        call = replace(call, identity=self._facts.identity(call))
        is_cached = self._facts.is_cached(call)
        return CheckedLine(line, call, call.identity if is_cached else None)

    def may_serve(self, line: CheckedLine, stored: StoredAnswer) -> bool:
        """Whether a stored answer may be served."""
        return self._facts.may_serve(line.call, stored)

    def hit_entry(self, line: CheckedLine, key: KeyRow, stored: StoredAnswer, why: str) -> Entry:
        """Return the usage entry of a line that a stored answer is served for."""
        model = self._catalog.priced[stored.model]
        return self._facts.entry(line.call, key, model, "hit", why, "batch")

    def planned(
        self, line: CheckedLine, key: KeyRow, standing: Standing, stored: StoredAnswer | None
    ) -> PlannedLine:
        """Return the line for the first model that can take it; raises ``GatewayError``."""
        route = self._router.deferred(line.call, standing)
        *others, last = route.models
        for model in others:
            try:
                return self._for_model(line, key, model, route.reason, stored)
            except InvalidRequest:
                continue
        return self._for_model(line, key, last, route.reason, stored)

    def _for_model(
        self,
        line: CheckedLine,
        key: KeyRow,
        model: Model,
        reason: str,
        stored: StoredAnswer | None,
    ) -> PlannedLine:
        call = line.call
        wire = self._wires.body(asked_of(call), model, call.key.team)
        cache = self._cache_result(line)
        entry = self._facts.entry(call, key, model, cache, reason, "batch")
        self._pricing.check(entry)
        times = (utc(call.started_at), utc(call.deadline))
        most = wire.bound.cost(model.price(at, "batch") for at in times)
        check_max_cost(call, most)
        keeping = self._facts.keeping(call, line.digest, stored)
        wish = Wish(keeping.digest, keeping.freshness, keeping.repeats, call.request.choices)
        body = msgspec.Raw(wire.raw)
        number, custom_id = line.line.number, line.line.custom_id
        return PlannedLine(number, custom_id, entry, most, wish, body, wire.may_last)

    def _cache_result(self, line: CheckedLine) -> CacheResult:
        return "bypass" if line.digest is None else "miss"


def line_request_id(batch: Batch, number: int) -> str:
    """Return the id of a line's request: its batch's second, and what no other line has."""
    digest = hashlib.sha256(f"{batch.team}/{batch.id}/{number}".encode()).hexdigest()
    return f"req_{int(batch.created_at):08x}{digest[:24]}"


def refused(batch: Batch, line: Line, error: GatewayError) -> Record:
    """Return the record of a line that was refused."""
    fault = Fault(error.status, error.type, error.code or "", error.message, error.param)
    request_id = line_request_id(batch, line.number)
    return Record(line.number, line.custom_id, request_id, "errored", fault=fault)


def _call(batch: Batch, environment: str, asked: LineCall, wire_format: Format) -> Call:
    return Call(
        request_id=line_request_id(batch, asked.line.number),
        started_at=batch.created_at,
        deadline=float(batch.expires_at),
        door=batch.door,
        format=wire_format,
        key=PresentedKey(environment, batch.team, batch.key_digest),
        body=asked.body,
        request=asked.request,
        controls=asked.controls,
        render_error=_unrendered,
    )


def _unrendered(_: GatewayError) -> bytes:
    return b""
