"""Callers' batches as the owners of lines: a line has no row of its own but its usage row.

What a line brought is written down before it is settled, so no answer that was paid for is lost; it
may be written down twice, and is settled once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from shared.catalog import Catalog
from shared.clock import Clock
from shared.domain.batches.batch import Batch, Results
from shared.domain.batches.records import Record, Twin, schemas_in, twins_in, written
from shared.domain.budgets.lines import SettledLine
from shared.domain.entries import Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable
from shared.domain.files import Blob, blob_key
from shared.domain.jobs.lines import Claimed, Ended, Line, LineResult, Planned
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.ports.batches import CallerBatches
from shared.ports.calls import Meter, Store
from shared.ports.jobs import Blobs
from shared.usecases.batches.given_up import charged_in_full, fault_of, without_answer
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.splitting import read_line_name
from shared.usecases.jobs.answers import Answers, why_not
from shared.usecases.pricing import Pricing

_KEPT_BATCHES: Final = 4

_part: Final = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass
class _Gathered:
    """What the ends of some lines come to."""

    records: list[Record] = field(default_factory=list)
    settled: list[SettledLine] = field(default_factory=list)
    stored: list[StoredAnswer] = field(default_factory=list)


class BatchLines:
    """Implements ``LineOwner`` for callers' batches."""

    def __init__(
        self,
        *,
        batches: CallerBatches,
        blobs: Blobs,
        money: BatchMoney,
        answers: Answers,
        pricing: Pricing,
        store: Store,
        catalog: Catalog,
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._batches = batches
        self._blobs = blobs
        self._money = money
        self._answers = answers
        self._pricing = pricing
        self._store = store
        self._catalog = catalog
        self._meter = meter
        self._clock = clock
        self._twins: dict[str, dict[int, list[Twin]]] = {}
        self._schemas: tuple[str, dict[str, bytes]] = ("", {})

    def claim(self, batch: ProviderBatch, planned: Sequence[Planned]) -> list[Claimed]:
        """Return nothing: a batch's lines are bound when its part is written."""
        return []

    def let_go(self, batch: ProviderBatch, planned: Sequence[Planned]) -> None:
        """Do nothing: no line of a caller's batch is ever planned."""

    def give_back(self, batch: ProviderBatch, lines: Sequence[Line], company: int) -> None:
        """Leave them: their batch sees that its part is aborted, and goes on from there."""

    def promote(self, batch: ProviderBatch, lines: Sequence[Line]) -> None:
        """Leave them: a batch's lines expire when its time is over."""

    def settle(self, batch: ProviderBatch, ended: Sequence[Ended]) -> None:
        """Write down how lines ended, and settle them."""
        for caller, own in self._by_caller(ended):
            gathered = self._gathered(caller, own)
            self._keep(caller, gathered.records)
            settled = self._money.settle(caller.hold(), gathered.settled)
            self._cache(gathered.stored)
            for line in settled:
                self._meter.settled(line.entry, line.settlement, self._clock() - caller.created_at)

    def set_aside(self, batch: ProviderBatch, line: Line) -> None:
        """Charge a line in full, in doubt, and then write down that it has no answer."""
        for caller, _ in self._by_caller([Ended(line, None)]):
            self._money.settle(caller.hold(), [charged_in_full(line)])
            self._keep(caller, [without_answer(line)])

    def _by_caller(self, ended: Sequence[Ended]) -> Iterable[tuple[Batch, list[Ended]]]:
        found: dict[tuple[str, str], list[Ended]] = {}
        for each in ended:
            batch_id, _, _ = read_line_name(each.line.id)
            found.setdefault((each.line.team, batch_id), []).append(each)
        for (team, batch_id), own in found.items():
            caller = self._batches.get(team, batch_id)
            if caller is None:
                self._meter.trouble("foreign_line", batch=batch_id)
            else:
                yield caller, own

    def _gathered(self, caller: Batch, ended: Sequence[Ended]) -> _Gathered:
        gathered, twins = _Gathered(), self._twins_of(caller)
        for each in ended:
            _, number, custom = read_line_name(each.line.id)
            record = Record(number, custom, each.line.entry.request_id, "errored")
            result = each.result
            if result is not None and result.status == "succeeded":
                self._answered(caller, gathered, record, each.line, result, twins.get(number, []))
            elif result is not None and result.status in {"expired", "canceled"}:
                # A provider's batch is cancelled too when its time is over.
                end = result.status if caller.cancelling_at else "expired"
                gathered.records.append(msgspec.structs.replace(record, end=end))
            else:
                self._errored(gathered, record, each.line, result)
        return gathered

    def _answered(
        self,
        caller: Batch,
        gathered: _Gathered,
        record: Record,
        line: Line,
        result: LineResult,
        twins: Sequence[Twin],
    ) -> None:
        answer = self._answers.of(line, result, lambda: self._asked_by(caller, line))
        settlement, error = answer.settlement, answer.error
        money = {"cost": settlement.cost_nano, "baseline": settlement.baseline_nano}
        gathered.settled.append(SettledLine(line.entry, line.held.nano, settlement))
        if error is not None:
            record = msgspec.structs.replace(record, fault=fault_of(error), **money)
            gathered.records.append(record)
            return
        body = msgspec.Raw(answer.body)
        gathered.records.append(
            msgspec.structs.replace(record, end="succeeded", body=body, **money)
        )
        gathered.settled += [self._twin(line, settlement, twin) for twin in twins]
        if answer.stored is not None:
            gathered.stored.append(answer.stored)

    def _errored(
        self, gathered: _Gathered, record: Record, line: Line, result: LineResult | None
    ) -> None:
        fault = fault_of(why_not(line.entry.provider, result))
        gathered.records.append(msgspec.structs.replace(record, fault=fault))
        nothing = self._answers.unanswered(line)
        gathered.settled.append(SettledLine(line.entry, line.held.nano, nothing))

    def _twin(self, line: Line, first: Settlement, twin: Twin) -> SettledLine:
        """Return a twin as it is settled: an answer that was paid for once."""
        tokens = first.tokens
        entry = replace(
            line.entry,
            request_id=twin.request_id,
            cache="hit",
            route_reason="duplicate in the batch",
        )
        saving = self._pricing.hit(entry, tokens)
        settlement = Settlement(
            outcome="answered",
            tokens=tokens,
            usage_source="stored",
            cost_nano=saving.cost_nano,
            baseline_nano=saving.baseline_nano,
            levers=saving.levers,
            aws_nano=first.aws_nano,
        )
        return SettledLine(entry, 0, settlement)

    def _asked_by(self, caller: Batch, line: Line) -> dict[str, Any]:
        """Return the part of a line's body by which its answer is judged."""
        if caller.schemas is not None and self._schemas[0] != caller.id:
            rows = schemas_in(self._blobs.read(caller.schemas.key))
            self._schemas = caller.id, {row.digest: bytes(row.asked) for row in rows}
        return _part(self._schemas[1][line.wish.schema])

    def _twins_of(self, caller: Batch) -> dict[int, list[Twin]]:
        if caller.twins is None:
            return {}
        if caller.id not in self._twins:
            found: dict[int, list[Twin]] = {}
            for twin in twins_in(self._blobs.read(caller.twins.key)):
                found.setdefault(twin.of, []).append(twin)
            while len(self._twins) >= _KEPT_BATCHES:
                del self._twins[next(iter(self._twins))]
            self._twins[caller.id] = found
        return self._twins[caller.id]

    def _keep(self, caller: Batch, records: Sequence[Record]) -> None:
        """Write records into a file that is named by what it says: the same ones, the same file."""
        content = b"".join(map(written, records))
        name = hashlib.sha256(content).hexdigest()[:32]
        blob = Blob(blob_key(caller.team, f"{caller.id}/records/{name}"), len(content))
        self._blobs.write(blob.key, [content])
        succeeded = sum(record.end == "succeeded" for record in records)
        results = Results(blob, succeeded, len(records) - succeeded)
        self._batches.add_results(caller.team, caller.id, results, caller.purge_at)

    def _cache(self, answers: Sequence[StoredAnswer]) -> None:
        """Store answers; what cannot be cached costs another call, never the answer."""
        for answer in answers:
            purge_at = answer.expires_at + self._catalog.freshness.memory_seconds
            with suppress(StoreUnavailable):
                self._store.put_answer(answer, purge_at)
