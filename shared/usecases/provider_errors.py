"""What a provider's own errors mean to the caller.

The provider's words are passed on where the caller's request is at fault, and only there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.catalog import Provider
from shared.domain.errors import (
    GatewayError,
    InvalidRequest,
    UpstreamFailed,
    UpstreamRateLimited,
)

if TYPE_CHECKING:
    from shared.ports.calls import UpstreamReply

_READ_BYTES: Final = 64 * 1024
_NOT_TAKEN: Final = frozenset({503, 529})
"""Unavailable and overloaded: said instead of taking the call."""
_CALLERS_FAULT: Final = frozenset({400, 413, 415, 422})


async def refusal(provider: Provider, reply: UpstreamReply) -> GatewayError:
    """Return the error for a reply that has another status than 200.

    A 4xx, and a 5xx that says the call was not taken, cost nothing; any other 5xx may have come
    after the answer was generated.
    """
    name = provider.name
    body = await _start_of(reply)
    if reply.status in _CALLERS_FAULT:
        said = _error_of(body)
        message = said.get("message")
        param = said.get("param")
        return InvalidRequest(
            f"{name} refused the request: "
            + (message if isinstance(message, str) else f"status {reply.status}"),
            param=param if isinstance(param, str) else None,
        )
    if reply.status == 429:
        return UpstreamRateLimited(name, reply.headers.get("retry-after"))
    if reply.status in {401, 403}:
        shown = "API key" if provider.has_key else "role"
        return UpstreamFailed(f"{name} refused the gateway's {shown}.", may_bill=False)
    if reply.status == 404:
        return UpstreamFailed(f"{name} does not serve this model.", may_bill=False)
    may_bill = reply.status >= 500 and reply.status not in _NOT_TAKEN
    return UpstreamFailed(f"{name} failed with status {reply.status}.", may_bill=may_bill)


def error_in_stream(said: object) -> GatewayError:
    """Return the error for an error event in a stream that had already begun."""
    kind = said.get("type") if isinstance(said, dict) else None
    shown = f" ({kind})" if isinstance(kind, str) else ""
    return UpstreamFailed(f"The provider broke its answer off with an error{shown}.")


async def _start_of(reply: UpstreamReply) -> bytes:
    body = b""
    async for chunk in reply.chunks():
        body += chunk
        if len(body) > _READ_BYTES:
            break
    return body


def _error_of(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    said = decoded.get("error") if isinstance(decoded, dict) else None
    return said if isinstance(said, dict) else {}
