"""Refusals in the shape of the OpenAI door, for whole answers and for streams."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from shared.domain.errors import GatewayError
from shared.domain.sse import data_frame


def openai_error(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Return an error as OpenAI shapes it, with the request id to quote."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
            "request_id": request_id,
        }
    }


def error_response(error: GatewayError, request_id: str) -> Response:
    """Return the HTTP response of a refusal."""
    return Response(
        msgspec.json.encode(openai_error(error, request_id)),
        status_code=error.status,
        media_type="application/json",
        headers=error.headers | id_headers(request_id),
    )


def error_frame(error: GatewayError, request_id: str) -> bytes:
    """Return the event of an error in a stream that has begun."""
    return data_frame(msgspec.json.encode(openai_error(error, request_id)))


def id_headers(request_id: str) -> dict[str, str]:
    """Return the request id under the names that the OpenAI and Anthropic SDKs expose."""
    return {
        "x-request-id": request_id,
        "request-id": request_id,
        "x-sluice-request-id": request_id,
    }
