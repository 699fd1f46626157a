"""What the published document says of files, uploads and batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from functions.router.openapi_controls import converted
from shared.domain.batches.lines import InlineRequest
from shared.domain.batches.requests import BatchRequest, MessageBatchRequest
from shared.domain.errors import (
    BodyTooLarge,
    BudgetExceeded,
    GatewayError,
    IdempotencyConflict,
    IdempotencyMismatch,
    InvalidRequest,
    KeyLimited,
    ObjectNotFound,
    StoreUnavailable,
    Unauthorized,
)
from shared.domain.files.requests import CompleteRequest, UploadRequest

Json = dict[str, Any]
Refusals = Callable[[Sequence[type[GatewayError]], str], Json]

_TEXT: Final[Json] = {"type": "string"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_NULLABLE_COUNT: Final[Json] = {"type": ["integer", "null"]}
_NULLABLE_TEXT: Final[Json] = {"type": ["string", "null"]}
_LOOKED_UP: Final = (InvalidRequest, Unauthorized, ObjectNotFound, StoreUnavailable)
_SENT: Final = (*_LOOKED_UP, BodyTooLarge)
_PAID: Final = (
    *_SENT, BudgetExceeded, KeyLimited, IdempotencyConflict, IdempotencyMismatch,
)  # fmt: skip
_AGAIN: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A retry with the same body gets the batch that the first one made, for a day.",
}


def _object(properties: Json, *, optional: Sequence[str] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list_of(row: str) -> Json:
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{row}"}}
    return _object(
        {
            "object": {"const": "list"},
            "data": rows,
            "first_id": _NULLABLE_TEXT,
            "last_id": _NULLABLE_TEXT,
            "has_more": {"type": "boolean"},
        },
        optional=("object",),
    )


_FILE: Final = _object(
    {
        "id": _TEXT,
        "object": {"const": "file"},
        "bytes": _COUNT,
        "created_at": _COUNT,
        "expires_at": _COUNT,
        "filename": _TEXT,
        "purpose": {"enum": ["batch", "batch_output"]},
        "status": {"const": "processed"},
    }
)
_MONEY: Final = _object({"cost_usd": _TEXT, "baseline_usd": _TEXT, "saved_usd": _TEXT})
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}

BATCH_ANSWERS: Final[Json] = {
    "File": _FILE,
    "FileList": _list_of("File"),
    "FileDeleted": _object(
        {"id": _TEXT, "object": {"const": "file"}, "deleted": {"const": True}}
    ),
    "Upload": _object(
        {
            "id": _TEXT,
            "object": {"const": "upload"},
            "bytes": _COUNT,
            "created_at": _COUNT,
            "expires_at": _COUNT,
            "filename": _TEXT,
            "purpose": _TEXT,
            "status": {"enum": ["pending", "completed", "cancelled", "expired"]},
            "file": {"anyOf": [{"$ref": "#/components/schemas/File"}, {"type": "null"}]},
        }
    ),
    "UploadPart": _object(
        {
            "id": _TEXT,
            "object": {"const": "upload.part"},
            "created_at": _COUNT,
            "upload_id": _TEXT,
        }
    ),
    "Batch": _object(
        {
            "id": _TEXT,
            "object": {"const": "batch"},
            "endpoint": _TEXT,
            "input_file_id": _TEXT,
            "completion_window": {"const": "24h"},
            "status": {
                "enum": [
                    "validating", "failed", "in_progress", "finalizing", "completed", "expired",
                    "cancelling", "cancelled",
                ]
            },
            "output_file_id": _NULLABLE_TEXT,
            "error_file_id": _NULLABLE_TEXT,
            "created_at": _COUNT,
            "expires_at": _NULLABLE_COUNT,
            "request_counts": _object({"total": _COUNT, "completed": _COUNT, "failed": _COUNT}),
            "metadata": {"type": ["object", "null"]},
            "sluice": {**_MONEY, "description": "What it cost and saved, once that is known."},
        },
        optional=("sluice",),
    ),
    "BatchList": _list_of("Batch"),
    "MessageBatch": _object(
        {
            "id": _TEXT,
            "type": {"const": "message_batch"},
            "processing_status": {"enum": ["in_progress", "canceling", "ended"]},
            "request_counts": _object(
                dict.fromkeys(("processing", "succeeded", "errored", "expired", "canceled"), _COUNT)
            ),
            "created_at": _MOMENT,
            "expires_at": _MOMENT,
            "results_url": _NULLABLE_TEXT,
            "sluice": {**_MONEY, "description": "What it cost and saved, once it has ended."},
        },
        optional=("sluice",),
    ),
    "MessageBatchList": _list_of("MessageBatch"),
    "MessageBatchDeleted": _object({"id": _TEXT, "type": {"const": "message_batch_deleted"}}),
}  # fmt: skip
"""Schemas of what is answered, by name."""


def request_schemas() -> Json:
    """Return the schemas of the requests, under names that no other door has."""
    asked = [UploadRequest, CompleteRequest, BatchRequest, MessageBatchRequest, InlineRequest]
    template = "#/components/schemas/batches.{name}"
    _, found = msgspec.json.schema_components(asked, ref_template=template)
    return {f"batches.{name}": converted(schema) for name, schema in found.items()}


def batch_paths(refusals: Refusals, headers: Mapping[str, Json]) -> Json:
    """Return the operations; ``refusals`` describes errors in the shape of a named schema."""
    say = _Sayer(refusals, headers)
    file_id, upload_id, batch_id = _in_path("file_id"), _in_path("upload_id"), _in_path("batch_id")
    message = _in_path("message_batch_id")
    of_files = [_query("after", _TEXT), _query("limit", _bounded(10_000)),
                _query("order", {"enum": ["asc", "desc"]}), _query("purpose", _TEXT)]  # fmt: skip
    of_batches = [_query("after", _TEXT), _query("limit", _bounded(100))]
    of_messages = [
        _query("after_id", _TEXT), _query("before_id", _TEXT), _query("limit", _bounded(1_000)),
    ]  # fmt: skip
    return {
        "/v1/files": {
            "post": say.form("Keep a file of up to 4 MiB.", "File", "file", purpose=True),
            "get": say("List the team's files.", "FileList", of_files),
        },
        "/v1/files/{file_id}": {
            "get": say("Look a file up.", "File", [file_id]),
            "delete": say("Delete a file.", "FileDeleted", [file_id]),
        },
        "/v1/files/{file_id}/content": {
            "get": say.stream("Stream what a file holds.", "application/octet-stream", [file_id])
        },
        "/v1/uploads": {
            "post": say.sent("Begin a file that comes in parts.", "Upload", "UploadRequest")
        },
        "/v1/uploads/{upload_id}/parts": {
            "post": say.form("Send a part of up to 4 MiB.", "UploadPart", "data", [upload_id])
        },
        "/v1/uploads/{upload_id}/complete": {
            "post": say.sent("Make a file of the parts.", "Upload", "CompleteRequest", [upload_id])
        },
        "/v1/uploads/{upload_id}/cancel": {
            "post": say("Give an upload up.", "Upload", [upload_id])
        },
        "/v1/batches": {
            "post": say.sent("Make a batch of a file.", "Batch", "BatchRequest", [_AGAIN], _PAID),
            "get": say("List the team's batches.", "BatchList", of_batches),
        },
        "/v1/batches/{batch_id}": {"get": say("Look a batch up.", "Batch", [batch_id])},
        "/v1/batches/{batch_id}/cancel": {
            "post": say("Have a batch stopped.", "Batch", [batch_id])
        },
        **_message_paths(_Sayer(refusals, headers, "AnthropicError"), message, of_messages),
    }


def _message_paths(say: _Sayer, batch_id: Json, listing: list[Json]) -> Json:
    root = "/v1/messages/batches"
    return {
        root: {
            "post": say.sent(
                "Make a batch of requests.", "MessageBatch", "MessageBatchRequest", [_AGAIN], _PAID
            ),
            "get": say("List the team's batches.", "MessageBatchList", listing),
        },
        f"{root}/{{message_batch_id}}": {
            "get": say("Look a batch up.", "MessageBatch", [batch_id]),
            "delete": say("Forget a batch that has ended.", "MessageBatchDeleted", [batch_id]),
        },
        f"{root}/{{message_batch_id}}/cancel": {
            "post": say("Have a batch stopped.", "MessageBatch", [batch_id])
        },
        f"{root}/{{message_batch_id}}/results": {
            "get": say.stream("Stream the results.", "application/x-jsonl", [batch_id])
        },
    }


class _Sayer:
    """Describes operations."""

    def __init__(
        self, refusals: Refusals, headers: Mapping[str, Json], error: str = "OpenAiError"
    ) -> None:
        self._refusals = refusals
        self._headers = headers
        self._error = error

    def __call__(
        self,
        summary: str,
        answer: str,
        parameters: Sequence[Json] = (),
        errors: Sequence[type[GatewayError]] = _LOOKED_UP,
    ) -> Json:
        content = {"application/json": {"schema": {"$ref": _ref(answer)}}}
        return self._said(summary, content, parameters, errors)

    def sent(
        self,
        summary: str,
        answer: str,
        request: str,
        parameters: Sequence[Json] = (),
        errors: Sequence[type[GatewayError]] = _SENT,
    ) -> Json:
        """Describe an operation with a JSON body."""
        content = {"application/json": {"schema": {"$ref": _ref(f"batches.{request}")}}}
        body = {"required": True, "content": content}
        return {**self(summary, answer, parameters, errors), "requestBody": body}

    def form(
        self,
        summary: str,
        answer: str,
        file: str,
        parameters: Sequence[Json] = (),
        *,
        purpose: bool = False,
    ) -> Json:
        """Describe an operation that takes a form with a file."""
        binary = {"type": "string", "contentMediaType": "application/octet-stream"}
        fields: Json = {file: binary} | ({"purpose": {"const": "batch"}} if purpose else {})
        schema = {**_object(fields), "additionalProperties": False}
        body = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
        return {**self(summary, answer, parameters, _SENT), "requestBody": body}

    def stream(self, summary: str, media_type: str, parameters: Sequence[Json]) -> Json:
        """Describe an operation that streams a file."""
        return self._said(summary, {media_type: {}}, parameters, _LOOKED_UP)

    def _said(
        self,
        summary: str,
        content: Json,
        parameters: Sequence[Json],
        errors: Sequence[type[GatewayError]],
    ) -> Json:
        good = {"description": "Done.", "headers": dict(self._headers), "content": content}
        return {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": good, **self._refusals(errors, _ref(self._error))},
        }


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _query(name: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "schema": schema}


def _bounded(most: int) -> Json:
    return {"type": "integer", "minimum": 1, "maximum": most}
