"""Anthropic Messages requests: ``parse_messages`` checks a decoded body against the closed schema.

``blocks`` holds the content, ``request`` the rest of the schema, ``refusals`` what the protocol
has and the gateway refuses with a reason.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.domain.chat import field_named
from shared.domain.errors import InvalidRequest
from shared.domain.messages.refusals import REFUSED, explained, refuse_by_name
from shared.domain.messages.request import MessagesRequest

__all__ = ["COUNTED", "MessagesRequest", "parse_count", "parse_messages"]

COUNTED: Final = frozenset(
    {
        "messages", "model", "cache_control", "output_config", "speed", "system", "thinking",
        "tool_choice", "tools",
    }
)  # fmt: skip
"""The fields of a request for a token count: ``anthropic`` 2.8 ``MessageCountTokensParams``."""

_UNBOUNDED: Final = 10_000_000
_PREPARED: Final = msgspec.json.Decoder(MessagesRequest)
"""Read at import: see ``shared.domain.chat``."""


def parse_messages(body: dict[str, Any]) -> MessagesRequest:
    """Check a decoded body against the closed schema.

    Raises :class:`InvalidRequest` whose ``param`` names the field, as in ``messages[0].content``.
    """
    refuse_by_name(body)
    try:
        return msgspec.convert({k: v for k, v in body.items() if k not in REFUSED}, MessagesRequest)
    except msgspec.ValidationError as error:
        text, _, found = str(error).partition(" - at `$")
        path = found.rstrip("`")
        raise InvalidRequest(explained(text, path), param=field_named(text, path)) from None


def parse_count(body: dict[str, Any]) -> MessagesRequest:
    """Check the body of a token count, which is a request without limits and sampling.

    Raises :class:`InvalidRequest` as ``parse_messages`` does.
    """
    refuse_by_name(body)
    for field in body:
        if field not in COUNTED and field not in REFUSED:
            raise InvalidRequest(f"A token count has no field {field}.", param=field)
    return parse_messages({**body, "max_tokens": _UNBOUNDED})
