"""The answers that API Gateway gives on its own, in the shape that the deployment declares.

Types, defaults and ``$context`` variables: API Gateway developer guide, "Gateway response types".
The error type of each is what the service puts into ``x-amzn-errortype``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from local.declared import DeclarationError, Gateway, GatewayResponse

DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_VARIABLE = re.compile(r"\$context\.[A-Za-z.]+[A-Za-z]")
_HEADER_PREFIX = "gatewayresponse.header."


@dataclass(frozen=True)
class Refusal:
    """One way in which API Gateway itself answers: type, default status, message, error type."""

    type: str
    status: int
    message: str
    error: str


MISSING_ROUTE = Refusal(
    "MISSING_AUTHENTICATION_TOKEN",
    403,
    "Missing Authentication Token",
    "MissingAuthenticationTokenException",
)
TOO_LARGE = Refusal("REQUEST_TOO_LARGE", 413, "Request Too Long", "RequestTooLongException")
HEADERS_TOO_LARGE = Refusal("DEFAULT_4XX", 431, "Request Header Fields Too Large", "BadRequest")
THROTTLED = Refusal("THROTTLED", 429, "Too Many Requests", "TooManyRequestsException")
TIMED_OUT = Refusal(
    "INTEGRATION_TIMEOUT", 504, "Endpoint request timed out", "InternalServerErrorException"
)
BROKEN = Refusal(
    "INTEGRATION_FAILURE", 502, "Internal server error", "InternalServerErrorException"
)

REFUSALS = (MISSING_ROUTE, TOO_LARGE, HEADERS_TOO_LARGE, THROTTLED, TIMED_OUT, BROKEN)


@dataclass(frozen=True)
class OwnAnswer:
    """A complete answer of the gateway's own."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check(gateway: Gateway) -> None:
    """Refuse declared responses that use what is not reproduced here (DeclarationError)."""
    variables = _variables(BROKEN, gateway, "id")
    for kind, declared in gateway.responses.items():
        unknown = set(_VARIABLE.findall(declared.template or "")) - set(variables)
        if unknown:
            raise DeclarationError(f"gateway response {kind} uses unknown {sorted(unknown)}")
        for name, value in declared.headers.items():
            if not (name.startswith(_HEADER_PREFIX) and _readable(value, variables)):
                raise DeclarationError(f"gateway response {kind}: cannot map {name} from {value}")


def own_answer(gateway: Gateway, refusal: Refusal, request_id: str) -> OwnAnswer:
    """Return the answer to one refusal, in the declared shape."""
    declared = _declared(gateway, refusal)
    variables = _variables(refusal, gateway, request_id)
    template = declared.template or DEFAULT_TEMPLATE
    body = _VARIABLE.sub(lambda found: variables[found.group()], template)
    headers = {
        "content-type": "application/json",
        "x-amzn-requestid": request_id,
        "x-amzn-errortype": refusal.error,
    }
    for name, value in declared.headers.items():
        headers[name.removeprefix(_HEADER_PREFIX)] = _mapped(value, variables)
    return OwnAnswer(declared.status or refusal.status, headers, body.encode())


def _declared(gateway: Gateway, refusal: Refusal) -> GatewayResponse:
    family = "DEFAULT_4XX" if refusal.status < 500 else "DEFAULT_5XX"
    for kind in (refusal.type, family):
        if kind in gateway.responses:
            return gateway.responses[kind]
    return GatewayResponse(None, None)


def _variables(refusal: Refusal, gateway: Gateway, request_id: str) -> dict[str, str]:
    return {
        "$context.error.message": refusal.message,
        "$context.error.messageString": json.dumps(refusal.message),
        "$context.error.responseType": refusal.type,
        "$context.requestId": request_id,
        "$context.extendedRequestId": request_id,
        "$context.apiId": gateway.api_id,
        "$context.stage": gateway.stage,
    }


def _readable(value: str, variables: Mapping[str, str]) -> bool:
    return _is_literal(value) or f"${value}" in variables


def _mapped(value: str, variables: Mapping[str, str]) -> str:
    """Read API Gateway's mapping expression: a quoted literal or a context variable."""
    return value[1:-1] if _is_literal(value) else variables[f"${value}"]


def _is_literal(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == "'"
