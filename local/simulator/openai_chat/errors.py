"""OpenAI's errors: ``{"error": {"message", "type", "param", "code"}}`` and a status.

Texts and codes are those of the real service where it is known to send them.
"""

from __future__ import annotations

import re
from typing import ClassVar
from uuid import uuid4

import msgspec
from starlette.responses import Response

from local.simulator.books import Protocol
from local.simulator.refusal import Refusal

_TYPES = {401: "invalid_request_error", 429: "requests"}
_CODES = {429: "rate_limit_exceeded"}
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?P<problem>unknown|missing required) field `(?P<name>.*)`$")


class ApiError(Refusal):
    """A refusal in OpenAI's shape; ``param`` names the field at fault, if one is."""

    protocol: ClassVar[Protocol] = "openai-chat"

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(status, message, retry_after=retry_after)
        self.code = code or _CODES.get(status)
        self.param = param

    def response(self) -> Response:
        """Return the error as OpenAI would send it; ``retry-after`` is in seconds."""
        headers = {"x-request-id": f"req_{uuid4().hex}"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(self._body(), self.status, headers, media_type="application/json")

    def event(self) -> bytes:
        """Return the error as it would stand in the middle of a stream."""
        return b"data: " + self._body() + b"\n\n"

    def _body(self) -> bytes:
        default = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {
            "message": str(self),
            "type": _TYPES.get(self.status, default),
            "param": self.param,
            "code": self.code,
        }
        return msgspec.json.encode({"error": error})


def missing_key() -> ApiError:
    """Refuse a request without a key."""
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    )


def wrong_key() -> ApiError:
    """Refuse a key; unlike the real service, repeat no part of it."""
    return ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


def no_such_model(name: str) -> ApiError:
    """Refuse a model that is not on the provider's price list."""
    return ApiError(
        404,
        f"The model `{name}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def unreadable_json() -> ApiError:
    """Refuse a body that is not JSON."""
    return ApiError(400, "We could not parse the JSON body of your request.")


def both_limits() -> ApiError:
    """Refuse a body that sets both names of the same limit."""
    return ApiError(
        400,
        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        code="invalid_parameter_combination",
        param="max_tokens",
    )


def unsupported(param: str, why: str) -> ApiError:
    """Refuse what the real service may do and the simulator does not."""
    return ApiError(
        400,
        f"Unsupported parameter: '{param}': {why}.",
        code="unsupported_parameter",
        param=param,
    )


def unknown(param: str) -> ApiError:
    """Refuse a field that the provider does not have."""
    text = f"Unknown parameter: '{param}'."
    return ApiError(400, text, code="unknown_parameter", param=param)


def missing(param: str) -> ApiError:
    """Refuse a request without a field that it must have."""
    text = f"Missing required parameter: '{param}'."
    return ApiError(400, text, code="missing_required_parameter", param=param)


def invalid(param: str, why: str) -> ApiError:
    """Refuse a value that makes no sense."""
    return ApiError(400, f"Invalid value for '{param}': {why}.", code="invalid_value", param=param)


def from_validation(error: msgspec.ValidationError) -> ApiError:
    """Translate what msgspec says of a body into what OpenAI says of it."""
    found = _PATH.match(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    field = _FIELD.search(what)
    if field is None:
        code = "invalid_type" if ", got `" in what else "invalid_value"
        return ApiError(400, f"Invalid '{path or 'body'}': {what}.", code=code, param=path or None)
    param = f"{path}.{field['name']}" if path else field["name"]
    return unknown(param) if field["problem"] == "unknown" else missing(param)
