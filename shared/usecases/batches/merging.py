"""Puts the results of a batch together, in its caller's format, whoever answered.

Records are read file by file; the first of a line counts. What was never recorded was never begun:
it expired, or was cancelled. The results are named by their batch, so whoever merges it again
writes the same ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import msgspec

from shared.clock import Clock
from shared.domain.batches.anthropic_shapes import message_result_line
from shared.domain.batches.batch import Batch, Counts, Money
from shared.domain.batches.openai_shapes import result_line
from shared.domain.batches.records import (
    End,
    Record,
    Twin,
    planned_in,
    records_in,
    twins_in,
)
from shared.domain.files import FILE_PREFIX, StoredFile, blob_key
from shared.ports.batches import CallerBatches, FileStore
from shared.ports.jobs import Blobs
from shared.usecases.batches.spool import Spool

_OUTPUT: Final = "output"
_ERRORS: Final = "errors"
_RESULTS: Final = "results"


@dataclass
class _Merged:
    """The lines of the results, and what they add up to."""

    answered: Spool = field(default_factory=Spool)
    failed: Spool = field(default_factory=Spool)
    ends: Counter[str] = field(default_factory=Counter)
    cost: int = 0
    baseline: int = 0

    def add(self, record: Record, line: bytes, *, is_apart: bool) -> None:
        self.ends[record.end] += 1
        self.cost += record.cost
        self.baseline += record.baseline
        (self.failed if is_apart else self.answered).add(line)


class Merger:
    """Merges. Synchronous; raises ``StoreUnavailable``; may be repeated."""

    def __init__(
        self, batches: CallerBatches, files: FileStore, blobs: Blobs, clock: Clock
    ) -> None:
        self._batches = batches
        self._files = files
        self._blobs = blobs
        self._clock = clock

    def merge(self, batch: Batch, given_up: Sequence[Record] = ()) -> Batch:
        """Return the batch with its results, which are written, and its counts.

        ``given_up`` are ends that nobody could write down.
        """
        merged = _Merged()
        show: Callable[[Record], bytes] = (
            result_line if batch.kind == "openai" else message_result_line
        )
        with merged.answered, merged.failed:
            for record in self._ends(batch, given_up):
                is_apart = batch.kind == "openai" and record.end != "succeeded"
                merged.add(record, show(record), is_apart=is_apart)
            batch = self._written(batch, merged)
        return replace(
            batch,
            counts=Counts(
                total=merged.ends.total(),
                succeeded=merged.ends["succeeded"],
                errored=merged.ends["errored"],
                expired=merged.ends["expired"],
                canceled=merged.ends["canceled"],
            ),
            money=Money(merged.cost, merged.baseline),
        )

    def _written(self, batch: Batch, merged: _Merged) -> Batch:
        if batch.kind == "anthropic":
            blob = merged.answered.write(self._blobs, self._key(batch, _RESULTS))
            return replace(batch, results=blob)
        return replace(
            batch,
            output_file=self._file(batch, merged.answered, _OUTPUT),
            error_file=self._file(batch, merged.failed, _ERRORS),
        )

    def _file(self, batch: Batch, lines: Spool, what: str) -> str | None:
        """Write one of the files of a batch; one without a line does not exist."""
        if not lines.lines:
            return None
        digest = hashlib.sha256(f"{batch.team}/{batch.id}/{what}".encode()).hexdigest()
        created_at = int(batch.finalizing_at or self._clock())
        file_id = f"{FILE_PREFIX}{created_at:08x}{digest[:24]}"
        blob = lines.write(self._blobs, blob_key(batch.team, file_id))
        filename = f"{batch.id}_{what}.jsonl"
        expires_at = created_at + batch.output_seconds
        self._files.put_file(
            StoredFile(
                batch.team, file_id, filename, "batch_output", created_at, expires_at, (blob,)
            )
        )
        return file_id

    def _key(self, batch: Batch, what: str) -> str:
        return blob_key(batch.team, f"{batch.id}/{what}")

    def _ends(self, batch: Batch, given_up: Sequence[Record]) -> Iterator[Record]:
        """Yield the end of every line, once: the first that is found counts."""
        twins, seen = self._twins(batch), set[int]()
        for record in chain(self._recorded(batch), given_up, self._never_begun(batch)):
            if record.number not in seen:
                seen.add(record.number)
                yield from _with_twins(record, twins)

    def _recorded(self, batch: Batch) -> Iterator[Record]:
        gathered = [each.blob for each in self._batches.results(batch.team, batch.id)]
        gathered.sort(key=lambda blob: blob.key)
        for blob in [batch.records, *gathered] if batch.records else gathered:
            yield from records_in(self._blobs.read(blob.key))

    def _never_begun(self, batch: Batch) -> Iterator[Record]:
        end: End = "canceled" if batch.cancelling_at else "expired"
        for group in batch.groups:
            for line in planned_in(self._blobs.read(group.blob.key)):
                yield Record(line.number, line.custom_id, line.entry.request_id, end)

    def _twins(self, batch: Batch) -> dict[int, list[Twin]]:
        found: dict[int, list[Twin]] = {}
        if batch.twins is not None:
            for twin in twins_in(self._blobs.read(batch.twins.key)):
                found.setdefault(twin.of, []).append(twin)
        return found


def _with_twins(record: Record, twins: dict[int, list[Twin]]) -> Iterator[Record]:
    yield record
    baseline = record.baseline if record.end == "succeeded" else 0
    for twin in twins.get(record.number, ()):
        yield msgspec.structs.replace(
            record,
            number=twin.number,
            custom_id=twin.custom_id,
            request_id=twin.request_id,
            cost=0,
            baseline=baseline,
        )
