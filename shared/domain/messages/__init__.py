"""Anthropic Messages requests: ``parse_messages`` checks a decoded body against the closed schema.

``blocks`` holds the content, ``request`` the rest of the schema, ``refusals`` what the protocol
has and the gateway refuses with a reason.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shared.domain.chat import field_named
from shared.domain.errors import InvalidRequest
from shared.domain.messages.refusals import REFUSED, explained, refuse_by_name
from shared.domain.messages.request import MessagesRequest

__all__ = ["MessagesRequest", "parse_messages"]


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
