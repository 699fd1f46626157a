"""Batches, and the lines of their results, as Anthropic shows them.

Source: ``anthropic`` 2.8 ``messages.MessageBatch``, ``MessageBatchIndividualResponse``
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared.domain.batches.batch import Batch
from shared.domain.batches.openai_shapes import money_shown
from shared.domain.batches.records import Fault, Record

Json = dict[str, Any]

_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}


def message_batch_shown(batch: Batch) -> Json:
    """Return a batch's object; its results are at a path of this gateway."""
    is_over = batch.is_at_rest
    going = "canceling" if batch.status == "cancelling" else "in_progress"
    shown: Json = {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if is_over else going,
        "request_counts": _counts(batch),
        "created_at": _moment(batch.created_at),
        "expires_at": _moment(batch.expires_at),
        "ended_at": _moment(batch.ended_at),
        "cancel_initiated_at": _moment(batch.cancelling_at),
        "archived_at": None,
        "results_url": f"/v1/messages/batches/{batch.id}/results" if is_over else None,
    }
    return shown | ({"sluice": money_shown(batch)} if is_over else {})


def message_result_line(record: Record) -> bytes:
    """Return the line of a results file."""
    said = {"custom_id": record.custom_id, "result": _result(record)}
    return msgspec.json.encode(said) + b"\n"


def message_list_shown(rows: list[Json], *, has_more: bool) -> Json:
    """Return a page of a listing."""
    return {
        "data": rows,
        "has_more": has_more,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
    }


def message_batch_deleted(batch_id: str) -> Json:
    """Return what is said of a batch that is no more."""
    return {"id": batch_id, "type": "message_batch_deleted"}


def _result(record: Record) -> Json:
    if record.fault is not None:
        return {"type": "errored", "error": _error(record.fault, record.request_id)}
    if record.end == "succeeded":
        return {"type": "succeeded", "message": record.body}
    return {"type": record.end}


def _error(fault: Fault, request_id: str) -> Json:
    message = f"{fault.param}: {fault.message}" if fault.param else fault.message
    kind = _TYPES.get(fault.status, "api_error" if fault.status >= 500 else "invalid_request_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request_id,
    }


def _counts(batch: Batch) -> Json:
    """Return the counts, which are zeros until the whole batch has ended."""
    counts = batch.counts
    ended = batch.is_at_rest
    return {
        "processing": counts.processing if ended else counts.total,
        "succeeded": counts.succeeded if ended else 0,
        "errored": counts.errored if ended else 0,
        "expired": counts.expired if ended else 0,
        "canceled": counts.canceled if ended else 0,
    }


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")
