"""How API Gateway's own refusals look: the OpenAI error shape, one row per kind.

The router never sees these requests. Response types are listed in the API Gateway developer
guide under "Gateway response types"; the ones named DEFAULT stand in for all not named here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

REQUEST_ID_HEADER = {"gatewayresponse.header.x-request-id": "context.requestId"}


@dataclass(frozen=True)
class Refusal:
    """One gateway response. ``status`` is None where API Gateway keeps the status it chose."""

    response_type: str
    status: int | None
    type: str
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """The headers in API Gateway's mapping language."""
        return {**REQUEST_ID_HEADER, **self.headers}

    @property
    def template(self) -> str:
        """The body as a mapping template; API Gateway fills in the request's id."""
        message = f"{self.message} (request id: $context.requestId)"
        error = {"message": message, "type": self.type, "code": self.code, "param": None}
        return json.dumps({"error": error})


REFUSALS = (
    Refusal(
        "DEFAULT_4XX",
        None,
        "invalid_request_error",
        "invalid_request",
        "The gateway refused this request before it was read. Check the URL, method and headers.",
    ),
    Refusal(
        "DEFAULT_5XX",
        None,
        "server_error",
        "gateway_unavailable",
        "The gateway could not answer. Retry after a pause.",
    ),
    Refusal(
        "THROTTLED",
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        "Too many requests arrive at this gateway at once. Retry after a pause.",
        {"gatewayresponse.header.retry-after": "'1'"},
    ),
    Refusal(
        "REQUEST_TOO_LARGE",
        413,
        "invalid_request_error",
        "body_too_large",
        "The body is larger than the 10 MB that API Gateway takes. Send less in one request.",
    ),
    Refusal(
        "INTEGRATION_FAILURE",
        502,
        "server_error",
        "gateway_unavailable",
        "The router failed before it answered. Retry after a pause.",
    ),
    Refusal(
        "INTEGRATION_TIMEOUT",
        504,
        "upstream_timeout",
        "gateway_timed_out",
        "The router gave no answer in time. Ask for a stream, or for less in one request.",
    ),
)
