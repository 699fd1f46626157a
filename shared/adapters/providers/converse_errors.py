"""Bedrock's exceptions in Anthropic's terms: a status, or an event of a stream, and its shape.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

_STATUSES: Final = {
    "AccessDeniedException": 403,
    # Bedrock says 424, but the model may have generated: a 5xx is charged in doubt.
    "ModelErrorException": 500,
    # Bedrock says 429, but no limit was met: the model is being loaded.
    "ModelNotReadyException": 503,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}
TIMED_OUT: Final = "ModelTimeoutException"

_TYPES: Final = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}
"""Anthropic's error types: https://platform.claude.com/docs/en/api/errors."""


def code_of(error: ClientError) -> str:
    """Return the exception's name; in a stream it begins with a small letter."""
    code = str(error.response["Error"]["Code"])
    return code[:1].upper() + code[1:]


def status_of(error: ClientError) -> int:
    """Return the HTTP status that the exception means here."""
    told = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return _STATUSES.get(code_of(error), told)


def headers_of(error: ClientError) -> dict[str, str]:
    """Return the headers of the refusal, names in small letters."""
    told = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return {str(name).lower(): str(value) for name, value in told.items()}


def error_event(error: ClientError) -> dict[str, Any]:
    """Return the exception as Anthropic's error object."""
    kind = _TYPES.get(status_of(error), "api_error")
    message = str(error.response["Error"].get("Message", ""))
    return {"type": "error", "error": {"type": kind, "message": message}}


def error_body(error: ClientError) -> bytes:
    """Return the error object as a body."""
    return msgspec.json.encode(error_event(error))
