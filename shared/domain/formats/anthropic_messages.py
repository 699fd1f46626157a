"""Anthropic Messages as a wire format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.domain.formats import FormatName, UsageDialect, Whole, WireEvent
from shared.domain.formats.openai_chat import decoded
from shared.domain.message_replay import replay_message
from shared.domain.message_stream import (
    StreamedMessage,
    message_is_cacheable,
    message_stop_reason,
)
from shared.domain.prices import TokenCounts
from shared.domain.sse import Event, named_frame
from shared.domain.usage import anthropic_usage

_STOP: Final = WireEvent("message_stop", {"type": "message_stop"})


class GatheredMessage:
    """Gathers events; see :class:`~shared.domain.message_stream.StreamedMessage`."""

    def __init__(self) -> None:
        self._events = StreamedMessage()

    @property
    def usage(self) -> object:
        """What the stream said it billed, once the message has its stop reason.

        The counts that a stream begins with are those of an answer not yet written, and zeros
        where a provider only counts at the end: a stream that breaks is not settled by them.
        """
        return self._events.usage if self._events.is_finished else None

    @property
    def is_finished(self) -> bool:
        """Whether the message has its stop reason."""
        return self._events.is_finished

    def add(self, event: WireEvent) -> None:
        """Take one event."""
        self._events.add(event.data)

    def whole(self) -> Whole:
        """Return the message."""
        return self._events.whole()


class AnthropicMessages:
    """Implements :class:`~shared.domain.formats.Format`."""

    name: FormatName = "anthropic-messages"
    path = "/messages"
    closing = b""

    def gather(self, choices: int) -> GatheredMessage:
        """Start gathering events; there is one choice always."""
        return GatheredMessage()

    def decode(self, event: Event) -> WireEvent | None:
        """Decode an event."""
        data = decoded(event.data)
        return WireEvent(event.name or str(data.get("type", "")), data)

    def ends(self, event: Event) -> bool:
        """Whether this is ``message_stop``."""
        return event.name == _STOP.name

    def error_in(self, event: WireEvent) -> object | None:
        """Return the error of an ``error`` event."""
        if event.data.get("type") != "error":
            return None
        return event.data.get("error") or {}

    def frame(self, event: WireEvent) -> bytes:
        """Encode an event under its name."""
        return named_frame(event.name, msgspec.json.encode(event.data))

    def annotated(
        self, events: list[WireEvent], notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the events up to ``message_stop``; ``message_delta`` carries the notes."""
        for event in events:
            if event.name == "message_delta":
                yield WireEvent(event.name, {**event.data, "sluice": notes})
            elif event.name != _STOP.name:
                yield event
        yield _STOP

    def replay(
        self, whole: Whole, notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the events of a stored message."""
        for name, data in replay_message(whole, notes):
            yield WireEvent(name, data)

    def tokens(self, usage: object, dialect: UsageDialect) -> TokenCounts:
        """Read ``usage``."""
        return anthropic_usage(usage)

    def finish_reason(self, whole: Whole, choices: int) -> str:
        """Return the stop reason."""
        return message_stop_reason(whole)

    def is_cacheable(self, whole: Whole, choices: int) -> bool:
        """Tell whether the message is whole."""
        return message_is_cacheable(whole)


ANTHROPIC_MESSAGES: Final = AnthropicMessages()
