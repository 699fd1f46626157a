"""A batch's use cases on stores that hold little, so that memory is the gateway's own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from benchmarks.batch_memory import DiskBlobs
from shared import catalog as facts
from shared.adapters.memory import MemoryMeter, MemoryStore
from shared.adapters.memory_batch_ledger import MemoryBatchLedger
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.adapters.memory_files import MemoryFiles
from shared.adapters.memory_jobs import MemoryJobs
from shared.catalog.aws_prices import load_own_cost
from shared.domain.api_keys import KeyLimits
from shared.domain.batches.batch import Batch
from shared.domain.budgets.seeds import Seeds
from shared.domain.entries import Entry, KeyRow, Settlement
from shared.domain.files import Blob
from shared.domain.jobs.ids import custom_id
from shared.domain.jobs.lines import Ended, LineResult
from shared.domain.jobs.manifest import Manifest
from shared.domain.jobs.provider_batch import ProviderBatch
from shared.domain.jobs.times import JobTimes
from shared.usecases.batches.batch_lines import BatchLines
from shared.usecases.batches.machinery import Taking, batch_taker
from shared.usecases.batches.merging import Merger
from shared.usecases.batches.money import BatchMoney
from shared.usecases.batches.splitting import Splitter
from shared.usecases.call_facts import CallFacts, Policy
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.jobs.answers import Answers
from shared.usecases.jobs.batch_files import BatchFiles
from shared.usecases.jobs.chunks import chunks
from shared.usecases.pricing import Pricing
from shared.usecases.settling import Function, Settler

_NOON: Final = 1_795_348_800.0
_KEY: Final = KeyRow("bulk.1", "bench", "bulk", "b" * 64, "bench", 1)


class _Ledger(MemoryBatchLedger):
    """Keeps no rows, but their number and what they cost."""

    def __init__(self) -> None:
        super().__init__()
        self.booked_rows = 0
        self.booked_nano = 0

    def book(self, entry: Entry, settlement: Settlement, day: str) -> None:
        """Count a row."""
        self.booked_rows += 1
        self.booked_nano += settlement.cost_nano


class _Store(MemoryStore):
    """Stores no answers."""

    def put_answer(self, *_: Any) -> None:
        """Forget an answer."""


class BatchWorld:
    """One batch and what it goes through."""

    def __init__(self, blobs: DiskBlobs) -> None:
        self._blobs = blobs
        self._ledger, self._store, meter = _Ledger(), _Store(), _SilentMeter()
        self._store.create(_KEY)
        known = facts.load(["openai"])
        pricing = Pricing(known, "gpt-6-astra")
        policy = HoldPolicy(Seeds(), 100, KeyLimits())
        holding = Holding(self._ledger, _clock, policy, lambda _: None)
        function = Function(load_own_cost(datetime(2026, 11, 22, tzinfo=UTC).date()), 512)
        settler = Settler(self._store, holding, meter, known, _clock, pricing, function)
        self._rows, self._jobs, files = MemoryCallerBatches(), MemoryJobs(), MemoryFiles()
        self._taker = batch_taker(
            Taking(
                environment="bench",
                batches=self._rows,
                blobs=blobs,
                store=self._store,
                holding=holding,
                facts=CallFacts(Policy("bench", "p"), known, _clock),
                catalog=known,
                pricing=pricing,
                settler=settler,
                meter=meter,
                clock=_clock,
            )
        )
        self._splitter = Splitter(self._jobs, blobs, known, JobTimes(), _clock)
        self._lines = BatchLines(
            batches=self._rows,
            blobs=blobs,
            money=BatchMoney(self._ledger, _clock, meter, lambda _: None, lambda: 0.5),
            answers=Answers(known, pricing, _clock, settler.line_nano),
            pricing=pricing,
            store=self._store,
            catalog=known,
            meter=meter,
            clock=_clock,
        )
        self._merger = Merger(self._rows, files, blobs, _clock)
        self._batch = _new_batch(known.price_version)
        self._parts: list[ProviderBatch] = []

    def take_file(self, lines: Iterable[bytes]) -> int:
        """Write the batch's file; returns its bytes."""
        sizes = count()
        total = 0

        def measured() -> Iterator[bytes]:
            nonlocal total
            for line in lines:
                next(sizes)
                total += len(line)
                yield line

        self._blobs.write("input", measured())
        self._batch = replace(self._batch, input=(Blob("input", total),))
        self._rows.put(self._batch)
        return total

    def plan(self) -> None:
        """Check every line and hold the money."""
        self._batch = self._taker.take(self._batch)

    def split(self) -> None:
        """Write what the providers are sent."""
        parts = self._splitter.parts(self._batch)
        after = self._batch.changed(parts=parts, is_split=True)
        self._batch = self._rows.move(self._batch, after)
        self._parts = [self._splitter.stand(self._batch, part) for part in parts]

    def settle(self) -> None:
        """Take the end of every line, as the collector hands them over."""
        for part in self._parts:
            manifest = BatchFiles(self._blobs).manifest(part)
            for some in chunks(_ends(part, manifest), 90):
                self._lines.settle(part, some)

    def merge(self) -> None:
        """Put the results together."""
        self._batch = self._merger.merge(self._batch.changed(finalizing_at=_NOON))

    def check(self, lines: int) -> None:
        """Raise where a line or a nano-dollar is missing."""
        if (self._batch.counts.succeeded, self._ledger.booked_rows) != (lines, lines):
            raise AssertionError(f"not all of {lines} lines: {self._batch.counts}")
        if self._batch.money.cost != self._ledger.booked_nano:
            raise AssertionError("the bill is not what was settled")


class _SilentMeter(MemoryMeter):
    def settled(self, *_: Any) -> None:
        """Forget it."""


def _clock() -> float:
    return _NOON


def _new_batch(price_version: str) -> Batch:
    return Batch(
        id="batch_" + "0" * 32,
        team=_KEY.team,
        kind="openai",
        door="chat",
        key_id=_KEY.key_id,
        key_digest=_KEY.digest,
        created_at=_NOON,
        status="validating",
        request_id="req_" + "0" * 32,
        price_version=price_version,
        leased_to="bench",
    )


def _ends(part: ProviderBatch, manifest: Manifest) -> Iterator[Ended]:
    answer = json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-6-luna",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Queue 3. " * 20, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 190, "completion_tokens": 45, "total_tokens": 235},
        }
    ).encode()
    for number in range(len(manifest)):
        result = LineResult(custom_id(part.id, number), "succeeded", answer)
        yield Ended(manifest[number], result)
