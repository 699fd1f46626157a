"""Anthropic's errors: ``{"type": "error", "error": {"type", "message"}, "request_id"}``.

Types and statuses: platform.claude.com/docs/en/api/errors.
"""

from __future__ import annotations

import re
from typing import ClassVar
from uuid import uuid4

import msgspec
from starlette.responses import Response

from local.simulator.books import Protocol
from local.simulator.refusal import Refusal

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?P<problem>unknown|missing required) field `(?P<name>.*)`$")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


class MessagesError(Refusal):
    """A refusal in Anthropic's shape."""

    protocol: ClassVar[Protocol] = "anthropic-messages"

    def response(self) -> Response:
        """Return the error as Anthropic would send it; ``retry-after`` is in seconds."""
        request_id = new_request_id()
        headers = {"request-id": request_id}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        body = self._body(request_id)
        return Response(body, self.status, headers, media_type="application/json")

    def event(self) -> bytes:
        """Return the error as it would stand in the middle of a stream."""
        return b"event: error\ndata: " + self._body(new_request_id()) + b"\n\n"

    def _body(self, request_id: str) -> bytes:
        default = "api_error" if self.status >= 500 else "invalid_request_error"
        error = {"type": TYPES.get(self.status, default), "message": str(self)}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def new_request_id() -> str:
    """Return a fresh id of a request."""
    return f"req_{uuid4().hex[:24]}"


def invalid(where: str, why: str) -> MessagesError:
    """Refuse a field; ``where`` is its path with dots."""
    return MessagesError(400, f"{where}: {why}")


def no_such_model(name: str) -> MessagesError:
    """Refuse a model that is not on the price list."""
    return MessagesError(404, f"model: {name}")


def from_validation(error: msgspec.ValidationError) -> MessagesError:
    """Translate what msgspec says of a body into what Anthropic says of it."""
    found = _PATH.match(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    path = _INDEX.sub(r".\1", path).lstrip(".")
    field = _FIELD.search(what)
    if field is None:
        return invalid(path or "body", what)
    where = f"{path}.{field['name']}" if path else field["name"]
    unknown = field["problem"] == "unknown"
    return invalid(where, "Extra inputs are not permitted" if unknown else "Field required")
