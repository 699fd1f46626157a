"""From a door's format to a provider's and back.

Where both speak the same format nothing is translated and a provider's bytes reach the caller as
they are.
"""

from __future__ import annotations

from typing import Any, Protocol

from shared.domain.formats import Format, FormatName, Whole, WireEvent
from shared.domain.formats.openai_chat import OPENAI_CHAT

Body = dict[str, Any]


class StreamCrossing(Protocol):
    """Translates one stream, event by event."""

    def feed(self, event: WireEvent) -> list[WireEvent]:
        """Return the door's events for one event of the provider."""


class Crossing(Protocol):
    """Translates between one door and one provider."""

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Return a validated request in the provider's format; raises ``InvalidRequest``."""

    def whole(self, whole: Whole, created: int) -> Whole:
        """Return a whole answer in the door's format."""

    def stream(self, created: int) -> StreamCrossing:
        """Start translating a stream of the provider."""


class Straight:
    """No translation: door and provider speak the same format."""

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Return the request itself."""
        return body

    def whole(self, whole: Whole, created: int) -> Whole:
        """Return the answer itself."""
        return whole

    def stream(self, created: int) -> StreamCrossing:
        """Return a translation that changes nothing."""
        return self

    def feed(self, event: WireEvent) -> list[WireEvent]:
        """Return the event itself."""
        return [event]


STRAIGHT = Straight()

FORMATS: dict[str, Format] = {"openai-chat": OPENAI_CHAT}
"""Every wire format by its name."""


def crossing(door: FormatName, provider: FormatName) -> Crossing:
    """Return the way between a door and a provider."""
    return _WAYS[door, provider]


_WAYS: dict[tuple[FormatName, FormatName], Crossing] = {
    ("openai-chat", "openai-chat"): STRAIGHT,
}
