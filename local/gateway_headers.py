"""Which headers cross the front door, in which direction, and under which name.

The tables follow API Gateway's developer guide ("Important notes": headers that are dropped or
remapped) for a REST API with Lambda proxy integration. A function that relies on a header that
API Gateway renames would work here and fail there, so it is renamed here as well.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from local.declared import Gateway
from local.web_instance import Header

REQUEST_CONTEXT_HEADER = b"x-amzn-request-context"
LAMBDA_CONTEXT_HEADER = b"x-amzn-lambda-context"

HOP_BY_HOP = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
DROPPED_REQUEST = HOP_BY_HOP | {
    b"content-length", b"content-md5", b"expect", b"max-forwards", b"server", b"www-authenticate",
}  # fmt: skip
OVERWRITTEN_REQUEST = frozenset(
    {
        b"x-forwarded-for", b"x-forwarded-port", b"x-forwarded-proto", b"x-forwarded-host",
        REQUEST_CONTEXT_HEADER, LAMBDA_CONTEXT_HEADER,
    }
)  # fmt: skip
# Without the length a streamed answer is chunked, which is how every answer of a STREAM
# integration leaves API Gateway.
DROPPED_RESPONSE = (HOP_BY_HOP - {b"connection"}) | {b"content-length", b"host"}
REMAPPED_RESPONSE = frozenset(
    {
        b"age", b"authorization", b"connection", b"content-md5", b"date", b"expect",
        b"max-forwards", b"server", b"user-agent", b"www-authenticate", b"x-amzn-requestid",
    }
)  # fmt: skip
REMAP_PREFIX = b"x-amzn-remapped-"


@dataclass(frozen=True)
class Caller:
    """What the front door knows of one request before it is handed over.

    ``headers`` have lower-case names; ``now`` is epoch seconds on the world's clock.
    """

    method: str
    path: str
    resource: str
    address: str
    port: int
    headers: list[Header]
    request_id: str
    now: float

    def header(self, name: bytes) -> bytes:
        """Return the last value of a header, or nothing."""
        return dict(self.headers).get(name, b"")


def to_function(caller: Caller, gateway: Gateway) -> list[Header]:
    """Return the headers the function sees, but for the Lambda context."""
    named_hops = _named_in_connection(caller.headers)
    kept = [
        (name, value)
        for name, value in caller.headers
        if name not in DROPPED_REQUEST | OVERWRITTEN_REQUEST | named_hops
    ]
    return [*kept, *_forwarded(caller), (REQUEST_CONTEXT_HEADER, _context(caller, gateway))]


def to_caller(headers: Iterable[Header], request_id: str) -> list[Header]:
    """Return the headers the caller sees of a function's answer."""
    passed = [
        (REMAP_PREFIX + name if name.lower() in REMAPPED_RESPONSE else name, value)
        for name, value in headers
        if name.lower() not in DROPPED_RESPONSE
    ]
    return [*passed, (b"x-amzn-requestid", request_id.encode())]


def _named_in_connection(headers: list[Header]) -> set[bytes]:
    values = [value for name, value in headers if name == b"connection"]
    return {token.strip().lower() for value in values for token in value.split(b",")}


def _forwarded(caller: Caller) -> list[Header]:
    before = caller.header(b"x-forwarded-for")
    chain = [before, caller.address.encode()] if before else [caller.address.encode()]
    forwarded = [
        (b"x-forwarded-for", b", ".join(chain)),
        (b"x-forwarded-host", caller.header(b"host")),
        (b"x-forwarded-port", str(caller.port).encode()),
        (b"x-forwarded-proto", b"http"),
    ]
    if not caller.header(b"x-amzn-trace-id"):
        trace = f"Root=1-{int(caller.now):08x}-{secrets.token_hex(12)}"
        forwarded.append((b"x-amzn-trace-id", trace.encode()))
    return forwarded


def _context(caller: Caller, gateway: Gateway) -> bytes:
    host = caller.header(b"host").decode("latin-1")
    moment = datetime.fromtimestamp(caller.now, tz=UTC)
    context = {
        "accountId": "123456789012",
        "apiId": gateway.api_id,
        "stage": gateway.stage,
        "requestId": caller.request_id,
        "extendedRequestId": caller.request_id,
        "requestTime": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(caller.now * 1000),
        "httpMethod": caller.method,
        "path": caller.path,
        "resourcePath": caller.resource,
        "protocol": "HTTP/1.1",
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "identity": {
            "sourceIp": caller.address,
            "userAgent": caller.header(b"user-agent").decode("latin-1"),
        },
    }
    return json.dumps(context).encode()
