"""Ids that are valid at the door they are shown at.

Anthropic takes tool ids of letters, digits, ``_`` and ``-`` only; other providers also write
dots and colons. A valid id is never changed, so a caller can send back what it was shown.
"""

from __future__ import annotations

import re
from typing import Final

_VALID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_INVALID: Final = re.compile(r"[^a-zA-Z0-9-]")


def tool_id(given: str) -> str:
    """Return an id that Anthropic takes: the same for the same id, another for another.

    In an id that has to change, ``_`` is written out as well, so that no two become one.
    """
    if _VALID.fullmatch(given):
        return given
    return "toolu_" + _INVALID.sub(lambda found: f"_{ord(found[0]):x}_", given)


def message_id(completion_id: object) -> str:
    """Return the id of a message for the completion of the given id."""
    return "msg_" + str(completion_id or "").removeprefix("chatcmpl-")


def completion_id(of_message: object) -> str:
    """Return the id of a completion for the message of the given id."""
    return "chatcmpl-" + str(of_message or "").removeprefix("msg_")
