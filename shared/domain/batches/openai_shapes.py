"""Batches, and the lines of their results, as OpenAI shows them.

Source: ``openai`` 3.51 ``Batch``, ``BatchError``; https://platform.openai.com/docs/guides/batch
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.domain.batches.batch import Batch, LineError
from shared.domain.batches.records import Record
from shared.domain.money import format_usd

Json = dict[str, Any]

_GIVEN_UP: Final = {
    "expired": (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    "canceled": ("batch_cancelled", "This request was not executed: its batch was cancelled."),
}


def batch_shown(batch: Batch, endpoint: str) -> Json:
    """Return a batch's object; ``sluice`` holds what it cost once that is known."""
    shown = {
        "id": batch.id,
        "object": "batch",
        "endpoint": endpoint,
        "errors": _errors(batch.errors),
        "input_file_id": batch.input_file,
        "completion_window": "24h",
        "status": batch.status,
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "created_at": int(batch.created_at),
        "in_progress_at": _second(batch.in_progress_at),
        "expires_at": batch.expires_at,
        "finalizing_at": _second(batch.finalizing_at),
        "completed_at": _ended(batch, "completed"),
        "failed_at": _ended(batch, "failed"),
        "expired_at": _ended(batch, "expired"),
        "cancelling_at": _second(batch.cancelling_at),
        "cancelled_at": _ended(batch, "cancelled"),
        "request_counts": _counts(batch),
        "metadata": batch.metadata,
    }
    return shown | ({"sluice": money_shown(batch)} if _is_reckoned(batch) else {})


def money_shown(batch: Batch) -> Json:
    """Return what a batch cost and saved, in USD."""
    money = batch.money
    return {
        "cost_usd": format_usd(money.cost),
        "baseline_usd": format_usd(money.baseline),
        "saved_usd": format_usd(money.baseline - money.cost),
    }


def result_line(record: Record) -> bytes:
    """Return the line of an output or error file."""
    said: Json = {"id": record.request_id, "custom_id": record.custom_id}
    if record.end in _GIVEN_UP:
        code, message = _GIVEN_UP[record.end]
        said |= {"response": None, "error": {"code": code, "message": message}}
    else:
        said |= {"response": _response(record), "error": None}
    return msgspec.json.encode(said) + b"\n"


def _response(record: Record) -> Json:
    fault = record.fault
    if fault is None:
        status, body = 200, record.body
    else:
        error = {
            "message": fault.message,
            "type": fault.type,
            "param": fault.param,
            "code": fault.code,
            "request_id": record.request_id,
        }
        status, body = fault.status, msgspec.Raw(msgspec.json.encode({"error": error}))
    return {"status_code": status, "request_id": record.request_id, "body": body}


def _errors(errors: tuple[LineError, ...]) -> Json | None:
    if not errors:
        return None
    data = [
        {"code": each.code, "line": each.line, "message": each.message, "param": each.param}
        for each in errors
    ]
    return {"object": "list", "data": data}


def _counts(batch: Batch) -> Json:
    counts = batch.counts
    failed = counts.errored + counts.expired + counts.canceled
    return {"total": counts.total, "completed": counts.succeeded, "failed": failed}


def _is_reckoned(batch: Batch) -> bool:
    return batch.is_at_rest and batch.status != "failed"


def _ended(batch: Batch, status: str) -> int | None:
    return _second(batch.ended_at) if batch.status == status else None


def _second(at: float | None) -> int | None:
    return None if at is None else int(at)
