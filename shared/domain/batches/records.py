"""How lines end, as it is written down until a batch is put together: one JSON array a line.

A record is in nobody's words; a batch's door finds them when its results are put together. The
same line may be written down twice, in two files: the first that is read counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from shared.domain.batches.jsonl import raw_lines
from shared.domain.entries import Entry, Settlement
from shared.domain.jobs.job import Wish
from shared.domain.prices import TokenCounts
from shared.domain.savings import Levers

End = Literal["succeeded", "errored", "expired", "canceled"]
_LONGEST_BYTES: Final = 64 * 1024 * 1024


class Fault(msgspec.Struct, frozen=True, array_like=True):
    """Why a line has no answer, as the same call would have been told."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The end of a line: its answer in the words of its door, or why there is none.

    ``cost`` and ``baseline`` are nano-dollars.
    """

    number: int
    custom_id: str
    request_id: str
    end: End
    cost: int = 0
    baseline: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")
    fault: Fault | None = None


class PlannedLine(msgspec.Struct, frozen=True, array_like=True):
    """A line that a provider will be asked; ``body`` is as the provider takes it.

    ``held`` are the nano-dollars of the batch's hold that are for it. ``may_last``: its
    prompt-cache marker is ours, and may be one for an hour.
    """

    number: int
    custom_id: str
    entry: Entry
    held: int
    wish: Wish
    body: msgspec.Raw
    may_last: bool = False


class Twin(msgspec.Struct, frozen=True, array_like=True):
    """A line that asks what an earlier line of its batch asks, and is answered with it."""

    number: int
    custom_id: str
    request_id: str
    of: int


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """A line that the cache answered, as it is settled: at no cost, by its first call's tokens."""

    entry: Entry
    tokens: TokenCounts
    baseline: int
    levers: Levers

    def settlement(self, aws_nano: int) -> Settlement:
        """Return what its usage row says; ``aws_nano`` is what a line costs at AWS."""
        return Settlement(
            outcome="answered",
            tokens=self.tokens,
            usage_source="stored",
            cost_nano=0,
            baseline_nano=self.baseline,
            levers=self.levers,
            aws_nano=aws_nano,
        )


class Schema(msgspec.Struct, frozen=True, array_like=True):
    """What lines asked their answers to fit: the part of their bodies that says so, by its name."""

    digest: str
    asked: msgspec.Raw


_encode: Final = msgspec.json.Encoder().encode
_record: Final = msgspec.json.Decoder(Record).decode
_planned: Final = msgspec.json.Decoder(PlannedLine).decode
_hit: Final = msgspec.json.Decoder(Hit).decode
_twin: Final = msgspec.json.Decoder(Twin).decode
_schema: Final = msgspec.json.Decoder(Schema).decode


def written(row: Record | PlannedLine | Twin | Hit | Schema) -> bytes:
    """Return a row as its line of a file."""
    return _encode(row) + b"\n"


def records_in(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Yield the records of a file."""
    return map(_record, _lines(chunks))


def planned_in(chunks: Iterable[bytes]) -> Iterator[PlannedLine]:
    """Yield the planned lines of a file."""
    return map(_planned, _lines(chunks))


def hits_in(chunks: Iterable[bytes]) -> Iterator[Hit]:
    """Yield the hits of a file."""
    return map(_hit, _lines(chunks))


def twins_in(chunks: Iterable[bytes]) -> Iterator[Twin]:
    """Yield the twins of a file."""
    return map(_twin, _lines(chunks))


def schemas_in(chunks: Iterable[bytes]) -> Iterator[Schema]:
    """Yield the schemas of a file."""
    return map(_schema, _lines(chunks))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return (line.raw for line in raw_lines(chunks, _LONGEST_BYTES) if line.raw)
