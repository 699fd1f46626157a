"""From a door's format to a provider's and back.

Where both speak the same format nothing is translated and a provider's answer reaches the caller
as it is, but for usage of wrong types, which no caller's SDK could read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared.domain.formats import Format, FormatName, Reasoning, Whole, WireEvent
from shared.domain.formats.anthropic_messages import ANTHROPIC_MESSAGES
from shared.domain.formats.openai_chat import OPENAI_CHAT
from shared.domain.translation import (
    ChunksToMessageStream,
    MessageStreamToChunks,
    chat_to_messages,
    completion_to_message,
    message_to_completion,
    messages_to_chat,
)
from shared.domain.usage import shown_chat, shown_message

Body = dict[str, Any]


class StreamCrossing(Protocol):
    """Translates one stream, event by event; raises ``MalformedAnswer``."""

    def feed(self, event: WireEvent) -> list[WireEvent]:
        """Return the door's events for one event of the provider."""

    def end(self) -> list[WireEvent]:
        """Return the door's events that only the end of the stream brings."""


class Crossing(Protocol):
    """Translates between one door and one provider."""

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Return a validated request in the provider's format; raises ``InvalidRequest``."""

    def whole(self, whole: Whole, created: int, reasoning: Reasoning) -> Whole:
        """Return a whole answer in the door's format; raises ``MalformedAnswer``."""

    def stream(self, created: int, reasoning: Reasoning) -> StreamCrossing:
        """Start translating a stream of the provider."""


class Straight:
    """No translation: door and provider speak the same format.

    ``shown`` returns a whole answer or an event with its usage as a caller may see it.
    """

    def __init__(self, shown: Callable[[Body], Body]) -> None:
        self._shown = shown

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Return the request itself."""
        return body

    def whole(self, whole: Whole, created: int, reasoning: Reasoning) -> Whole:
        """Return the answer itself."""
        return self._shown(whole)

    def stream(self, created: int, reasoning: Reasoning) -> StreamCrossing:
        """Return a translation that changes nothing."""
        return self

    def feed(self, event: WireEvent) -> list[WireEvent]:
        """Return the event itself."""
        shown = self._shown(event.data)
        return [event if shown is event.data else WireEvent(event.name, shown)]

    def end(self) -> list[WireEvent]:
        """Return nothing."""
        return []


class ChatToMessages:
    """The OpenAI door in front of a provider that speaks Anthropic Messages."""

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Translate a chat request."""
        return chat_to_messages(body, model=model, max_tokens_default=default_max_tokens)

    def whole(self, whole: Whole, created: int, reasoning: Reasoning) -> Whole:
        """Translate a message into a completion."""
        return message_to_completion(whole, created=created)

    def stream(self, created: int, reasoning: Reasoning) -> StreamCrossing:
        """Translate a message's events into chunks."""
        return _ToChunks(created)


class MessagesToChat:
    """The Anthropic door in front of a provider that speaks OpenAI chat."""

    def request(self, body: Body, *, model: str, default_max_tokens: int) -> Body:
        """Translate a Messages request."""
        return messages_to_chat(body, model=model)

    def whole(self, whole: Whole, created: int, reasoning: Reasoning) -> Whole:
        """Translate a completion into a message."""
        return completion_to_message(whole, reasoning=reasoning)

    def stream(self, created: int, reasoning: Reasoning) -> StreamCrossing:
        """Translate chunks into a message's events."""
        return _ToEvents(reasoning)


class _ToChunks:
    def __init__(self, created: int) -> None:
        self._stream = MessageStreamToChunks(created)

    def feed(self, event: WireEvent) -> list[WireEvent]:
        return [WireEvent("", chunk) for chunk in self._stream.feed(event.data)]

    def end(self) -> list[WireEvent]:
        return []


class _ToEvents:
    def __init__(self, reasoning: Reasoning) -> None:
        self._stream = ChunksToMessageStream(reasoning=reasoning)

    def feed(self, event: WireEvent) -> list[WireEvent]:
        return [WireEvent(each["type"], each) for each in self._stream.feed(event.data)]

    def end(self) -> list[WireEvent]:
        return [WireEvent(each["type"], each) for each in self._stream.end()]


FORMATS: dict[str, Format] = {
    OPENAI_CHAT.name: OPENAI_CHAT,
    ANTHROPIC_MESSAGES.name: ANTHROPIC_MESSAGES,
}
"""Every wire format by its name."""

_WAYS: dict[tuple[FormatName, FormatName], Crossing] = {
    ("openai-chat", "openai-chat"): Straight(shown_chat),
    ("anthropic-messages", "anthropic-messages"): Straight(shown_message),
    ("openai-chat", "anthropic-messages"): ChatToMessages(),
    ("anthropic-messages", "openai-chat"): MessagesToChat(),
}


def crossing(door: FormatName, provider: FormatName) -> Crossing:
    """Return the way between a door and a provider."""
    return _WAYS[door, provider]
