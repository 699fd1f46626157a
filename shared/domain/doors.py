"""The doors whose calls may wait: their wire format, and how what they take is read.

The router's start does without this module: ``functions/router/chat.py`` and ``messages.py`` say of
themselves what stands here, and a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.chat import ChatRequest, parse_chat
from shared.domain.entries import Door
from shared.domain.formats import Format
from shared.domain.formats.anthropic_messages import ANTHROPIC_MESSAGES
from shared.domain.formats.openai_chat import OPENAI_CHAT
from shared.domain.messages import MessagesRequest, parse_messages

CallRequest = ChatRequest | MessagesRequest


@dataclass(frozen=True)
class DeferrableDoor:
    """A door whose calls may wait, alone or as the lines of a batch.

    ``parse`` checks a body against the door's closed schema; raises ``InvalidRequest``.
    """

    name: Door
    url: str
    format: Format
    parse: Callable[[dict[str, Any]], CallRequest]


CHAT: Final = DeferrableDoor("chat", "/v1/chat/completions", OPENAI_CHAT, parse_chat)
MESSAGES: Final = DeferrableDoor("messages", "/v1/messages", ANTHROPIC_MESSAGES, parse_messages)
DOORS: Final[Mapping[str, DeferrableDoor]] = {door.name: door for door in (CHAT, MESSAGES)}
"""By their names in usage rows, jobs and batches."""
ENDPOINTS: Final[Mapping[str, DeferrableDoor]] = {door.url: door for door in DOORS.values()}
"""By what may stand as the ``endpoint`` of a batch."""
