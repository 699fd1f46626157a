"""Refusals in the shapes of the doors, for whole answers and for streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response

from shared.domain.controls import BODY_FIELD
from shared.domain.errors import GatewayError
from shared.domain.sse import data_frame, named_frame


@dataclass(frozen=True)
class ErrorShape:
    """How one door's SDKs expect errors."""

    body: Callable[[GatewayError, str], dict[str, Any]]
    """The JSON body of an error under a request id."""
    event: str | None
    """The name of an error event in a stream; OpenAI's have none."""

    def response(self, error: GatewayError, request_id: str) -> Response:
        """Return the HTTP response of a refusal."""
        return Response(
            msgspec.json.encode(self.body(error, request_id)),
            status_code=error.status,
            media_type="application/json",
            headers=error.headers | id_headers(request_id),
        )

    def frame(self, error: GatewayError, request_id: str) -> bytes:
        """Return the event of an error in a stream that has begun."""
        data = msgspec.json.encode(self.body(error, request_id))
        return data_frame(data) if self.event is None else named_frame(self.event, data)


def openai_error(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Return an error as OpenAI shapes it, with the request id to quote."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
            "request_id": request_id,
            **_facts(error, request_id),
        }
    }


# Source: https://docs.anthropic.com/en/api/errors
ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def anthropic_error(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Return an error as Anthropic shapes it; the field at fault is named in the message."""
    is_ours = error.status >= 500
    kind = ANTHROPIC_TYPES.get(error.status, "api_error" if is_ours else "invalid_request_error")
    message = f"{error.param}: {error.message}" if error.param else error.message
    return {
        "type": "error",
        "error": {"type": kind, "message": message, **_facts(error, request_id)},
        "request_id": request_id,
    }


def _facts(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Return what a program may want to read of a refusal, where there is anything."""
    return {BODY_FIELD: {**error.facts, "request_id": request_id}} if error.facts else {}


OPENAI_ERRORS: Final = ErrorShape(openai_error, None)
ANTHROPIC_ERRORS: Final = ErrorShape(anthropic_error, "error")


def id_headers(request_id: str) -> dict[str, str]:
    """Return the request id under the names that the OpenAI and Anthropic SDKs expose."""
    return {
        "x-request-id": request_id,
        "request-id": request_id,
        "x-sluice-request-id": request_id,
    }
