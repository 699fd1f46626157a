"""Usage rows, feedback and rollups as DynamoDB items, and back."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any, Final, cast

import msgspec

from shared.adapters.dynamodb.rows import Item, entry_of, key_of, number, settlement_of, text
from shared.domain.prices import TokenCounts
from shared.domain.rollups import Cell, Cells, Rollup, Sums
from shared.domain.savings import Levers
from shared.domain.usage_rows import Feedback, UsageRow
from shared.resources import feedback_partition, rollup_partition

LARGEST_CELLS_BYTES: Final = 380_000
"""An item may have 400 KB in all."""
_DAY: Final = "day/"
_HOUR: Final = "hour/"
_RETENTION_SECONDS: Final = 400 * 24 * 3600


class _StoredSums(msgspec.Struct, array_like=True):
    """Sums as they are packed: without names, which would be most of the item."""

    requests: int
    cost_nano: int
    baseline_nano: int
    aws_nano: int
    successes: int
    failures: int
    unknown: int
    levers: dict[str, int]
    tokens: tuple[int, int, int, int, int]


_packed: Final = msgspec.json.Encoder()
_unpacked: Final = msgspec.json.Decoder(list[tuple[list[str | None], _StoredSums]])


def usage_row_of(item: Item) -> UsageRow:
    """Return the usage row of an item."""
    day = item["pk"]["S"].rpartition("/")[2]
    return UsageRow(entry_of(item), settlement_of(item), day)


def rollup_key(team: str, period: str) -> Item:
    """Return the primary key of an hour's or a day's rollup."""
    kind = _HOUR if "T" in period else _DAY
    return key_of(rollup_partition(team), kind + period)


def period_of(item: Item) -> str:
    """Return the hour or the day of a rollup's item."""
    sort: str = item["sk"]["S"]
    return sort.partition("/")[2]


def cells_packed(cells: Cells) -> bytes:
    """Return cells as compressed bytes, the same for the same cells."""
    ordered = sorted(cells.items(), key=lambda each: [value or "" for value in each[0]])
    rows = [(list(cell), _stored(sums)) for cell, sums in ordered]
    return zlib.compress(_packed.encode(rows), 6)


def rollup_of(item: Item) -> Rollup:
    """Return the rollup of an item."""
    return Rollup(
        cells=_cells(item["cells"]["B"]) if "cells" in item else None,
        revision=int(item["revision"]["N"]) if "revision" in item else 0,
        open_until=int(item["open_until"]["N"]) if "open_until" in item else 0,
    )


def purge_at(epoch: float) -> int:
    """Return when what belongs to a time may vanish: with its usage rows."""
    return int(epoch) + _RETENTION_SECONDS


def feedback_item(team: str, day: str, feedback: Feedback) -> Item:
    """Return the item of a feedback."""
    item = key_of(feedback_partition(team, day), feedback.request_id) | {
        "outcome": text(feedback.outcome),
        "given_at": number(round(feedback.given_at * 1000)),
        "corrected": {"BOOL": feedback.corrected},
        "purge_at": number(purge_at(feedback.given_at)),
    }
    return item if feedback.score is None else item | {"score": number(feedback.score)}


def feedback_of(item: Item) -> Feedback:
    """Return the feedback of an item."""
    return Feedback(
        request_id=item["sk"]["S"],
        outcome=cast("Any", item["outcome"]["S"]),
        given_at=int(item["given_at"]["N"]) / 1000,
        score=int(item["score"]["N"]) if "score" in item else None,
        corrected=item["corrected"]["BOOL"],
    )


def _stored(sums: Sums) -> _StoredSums:
    numbers = {
        name: getattr(sums, name)
        for name in _StoredSums.__struct_fields__
        if name not in {"levers", "tokens"}
    }
    levers = {str(lever): nano for lever, nano in sums.levers.items() if nano}
    return _StoredSums(**numbers, levers=levers, tokens=dataclasses.astuple(sums.tokens))


def _cells(packed: bytes) -> Cells:
    rows = _unpacked.decode(zlib.decompress(packed))
    return {Cell(*cast("Any", names)): _sums(stored) for names, stored in rows}


def _sums(stored: _StoredSums) -> Sums:
    fields = msgspec.structs.asdict(stored)
    fields |= {"levers": Levers(**stored.levers), "tokens": TokenCounts(*stored.tokens)}
    return Sums(**fields)
