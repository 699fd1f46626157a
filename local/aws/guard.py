"""Decides at the door whether a request may go on to moto.

The admin key may do everything. Temporary credentials may do what their role's policies say.
Anything else is nobody.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import NotFound, get_service_router
from moto.core.utils import get_service_model

from local.aws import ADMIN_ACCESS_KEY
from local.aws.asks import Call, asks_of
from local.aws.policies import Verdict, judge
from local.aws.refusals import Refusal, access_denied, invalid_token
from local.aws.state import Place, Role, assumed_role
from shared.clock import system_clock

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
# Where a signature names a service otherwise than its IAM actions and its botocore model do.
_SERVICE_NAMES = {"monitoring": "cloudwatch"}


@dataclass(frozen=True)
class Denial:
    """One refused permission; ``time`` is in seconds since the epoch."""

    time: float
    principal: str
    action: str
    resource: str
    reason: str


class Guard:
    """Checks requests and remembers what it denied. Its caller holds the door's lock."""

    def __init__(self) -> None:
        self._denials: list[Denial] = []

    def denials(self) -> list[dict[str, object]]:
        """Return every denial so far, oldest first, as plain data."""
        return [asdict(denial) for denial in self._denials]

    def check(self, request: Request) -> Refusal | None:
        """Return how to refuse a request, or None if it may go on."""
        signed = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        if signed is None:
            return invalid_token("json")
        if signed["key"] == ADMIN_ACCESS_KEY:
            return None
        service = _SERVICE_NAMES.get(signed["service"], signed["service"])
        protocol = _protocol(service, request)
        role = assumed_role(signed["key"])
        if role is None or request.headers.get("X-Amz-Security-Token") != role.session_token:
            return invalid_token(protocol)
        return self._authorize(role, _call(service, request, Place(signed["region"])), protocol)

    def _authorize(self, role: Role, call: Call, protocol: str) -> Refusal | None:
        asks = asks_of(call)
        if asks is None:
            verdict = Verdict(False, "the local AWS cannot work out its resources for a role")
            return self._deny(role, call.action, "unknown", verdict, protocol)
        for ask in asks:
            verdict = judge(role.policies, ask)
            if not verdict.allowed:
                return self._deny(role, ask.action, ask.resource, verdict, protocol)
        return None

    def _deny(
        self, role: Role, action: str, resource: str, verdict: Verdict, protocol: str
    ) -> Refusal:
        self._denials.append(Denial(system_clock(), role.arn, action, resource, verdict.reason))
        return access_denied(protocol, role.arn, action, resource, verdict.reason)


def _protocol(service: str, request: Request) -> str:
    try:
        model = get_service_model(service)
        return str(determine_request_protocol(model, request.content_type))
    except (UnknownServiceError, NotImplementedError):
        return "json"


def _call(service: str, request: Request, place: Place) -> Call:
    """Read a call by the service's own model; one that no model fits has no parameters."""
    try:
        operation, uri_params = get_service_router(service).match(request)
        parser = PROTOCOL_PARSERS[_protocol(service, request)](operation)
    except (UnknownServiceError, NotFound, KeyError):
        return Call(service, "unknown", {}, place)
    params = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": uri_params,
        }
    )
    return Call(service, operation.name, params, place)
