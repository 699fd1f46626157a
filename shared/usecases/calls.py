"""The values that travel between a door and the chat use case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.domain.api_keys import PresentedKey
from shared.domain.chat import ChatRequest
from shared.domain.controls import Controls
from shared.domain.entries import Entry
from shared.domain.errors import GatewayError
from shared.usecases.relay import Relay
from shared.usecases.settling import Bound, Keeping


@dataclass(frozen=True)
class ChatCall:
    """One checked chat request as a door hands it over.

    ``body`` is the caller's decoded body without the ``sluice`` object. ``render_error`` gives
    an error the shape of the door's stream.
    """

    request_id: str
    started_at: float
    key: PresentedKey
    body: dict[str, Any]
    request: ChatRequest
    controls: Controls
    render_error: Callable[[GatewayError], bytes]


@dataclass(frozen=True)
class ProviderCall:
    """A chat call that goes to a provider: its opened entry and what becomes of the answer."""

    call: ChatCall
    entry: Entry
    keeping: Keeping
    wire_body: bytes

    def bound(self, received_bytes: int) -> Bound:
        """Return tokens the call cannot have exceeded, for when no usage arrives.

        A caller's output limit bounds what was generated, seen or not; without one, what was
        received does, as far as it can be told.
        """
        limit = self.call.request.output_limit
        output = limit * self.call.request.choices if limit else received_bytes
        return Bound(prompt=len(self.wire_body), output=max(output, received_bytes))


@dataclass(frozen=True)
class WholeReply:
    """An answer in one piece: JSON bytes and the notes for its headers."""

    body: bytes
    notes: dict[str, str]


@dataclass(frozen=True)
class StreamReply:
    """An answer as a stream: frames as they come and the notes for its headers."""

    relay: Relay
    notes: dict[str, str]
