"""The results of message batches that ended before they had a plan: all lines end alike.

Anthropic's batches have no state for it: they end, and each line says in the results why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.domain.batches.anthropic_shapes import message_result_line
from shared.domain.batches.batch import Batch, Counts, LineError
from shared.domain.batches.jsonl import RawLine, raw_lines
from shared.domain.batches.records import End, Fault, Record
from shared.domain.errors import BudgetExceeded, BudgetFrozen, Unauthorized
from shared.domain.files import Blob, blob_key
from shared.ports.jobs import Blobs
from shared.usecases.batches.line_plan import line_request_id
from shared.usecases.batches.spool import Spool


class _Named(msgspec.Struct):
    custom_id: str


_name: Final = msgspec.json.Decoder(_Named).decode
_STATUS: Final = {BudgetExceeded.code: 402, BudgetFrozen.code: 402, Unauthorized.code: 401}


class Unplanned:
    """Writes results. Raises ``StoreUnavailable``; the same may be written again."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def results(self, batch: Batch, errors: tuple[LineError, ...]) -> dict[str, Any]:
        """Return the results and the counts of a batch that was refused, or cancelled."""
        with Spool() as spool:
            for record in self._records(batch, errors):
                spool.add(message_result_line(record))
            blob = spool.write(self._blobs, blob_key(batch.team, f"{batch.id}/results"))
            lines = spool.lines
        ended = Counts(lines, errored=lines) if errors else Counts(lines, canceled=lines)
        return {"results": blob, "counts": ended}

    def _records(self, batch: Batch, errors: tuple[LineError, ...]) -> Iterator[Record]:
        fault = _fault(errors[0]) if errors else None
        end: End = "errored" if errors else "canceled"
        for line in self._lines(batch.input):
            name, request_id = _name(line.raw or b"").custom_id, line_request_id(batch, line.number)
            yield Record(line.number, name, request_id, end, fault=fault)

    def _lines(self, blobs: tuple[Blob, ...]) -> Iterator[RawLine]:
        chunks = (chunk for blob in blobs for chunk in self._blobs.read(blob.key))
        return raw_lines(chunks, longest=sum(blob.bytes for blob in blobs))


def _fault(error: LineError) -> Fault:
    status = _STATUS.get(error.code, 400)
    return Fault(status, "invalid_request_error", error.code, error.message, error.param)
