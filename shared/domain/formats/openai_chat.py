"""OpenAI chat completions as a wire format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.domain.completion import (
    MalformedAnswer,
    StreamedCompletion,
    finish_reasons,
    is_cacheable,
    replay,
)
from shared.domain.formats import FormatName, UsageDialect, Whole, WireEvent
from shared.domain.prices import TokenCounts
from shared.domain.sse import DONE, Event, data_frame
from shared.domain.usage import openai_usage


class GatheredCompletion:
    """Gathers chunks; see :class:`~shared.domain.completion.StreamedCompletion`."""

    def __init__(self, choices: int) -> None:
        self._chunks = StreamedCompletion(choices)

    @property
    def usage(self) -> object:
        """What the stream said it billed, so far."""
        return self._chunks.usage

    @property
    def is_finished(self) -> bool:
        """Whether every choice has its finish reason."""
        return self._chunks.is_finished

    def add(self, event: WireEvent) -> None:
        """Take one chunk."""
        self._chunks.add(event.data)

    def whole(self) -> Whole:
        """Return the completion."""
        return self._chunks.whole()


class OpenAiChat:
    """Implements :class:`~shared.domain.formats.Format`."""

    name: FormatName = "openai-chat"
    path = "/chat/completions"
    closing = DONE

    def gather(self, choices: int) -> GatheredCompletion:
        """Start gathering chunks."""
        return GatheredCompletion(choices)

    def decode(self, event: Event) -> WireEvent | None:
        """Decode a chunk; ``[DONE]`` says nothing that the chunks have not said."""
        if self.ends(event):
            return None
        return WireEvent("", decoded(event.data))

    def ends(self, event: Event) -> bool:
        """Whether this is ``[DONE]``."""
        return event.data == b"[DONE]"

    def error_in(self, event: WireEvent) -> object | None:
        """Return the error of a chunk that is one."""
        error: object | None = event.data.get("error")
        return error

    def frame(self, event: WireEvent) -> bytes:
        """Encode a chunk."""
        return data_frame(msgspec.json.encode(event.data))

    def annotated(
        self, events: list[WireEvent], notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the chunks; the last one with a finish reason carries the notes."""
        finish = max(i for i, event in enumerate(events) if _has_finish_reason(event.data))
        for index, event in enumerate(events):
            if index == finish:
                yield WireEvent("", {**event.data, "sluice": notes})
            elif event.data["choices"] or include_usage:
                yield event

    def replay(
        self, whole: Whole, notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the chunks of a stored completion."""
        for chunk in replay(whole, include_usage=include_usage, notes=notes):
            yield WireEvent("", chunk)

    def tokens(self, usage: object, dialect: UsageDialect) -> TokenCounts:
        """Read ``usage``."""
        return openai_usage(usage, reasoning=dialect.reasoning, dialect=dialect.name)

    def finish_reason(self, whole: Whole, choices: int) -> str:
        """Return the first choice's finish reason."""
        return finish_reasons(whole, choices)[0]

    def is_cacheable(self, whole: Whole, choices: int) -> bool:
        """Tell whether every choice is whole."""
        return is_cacheable(whole, choices)


OPENAI_CHAT: Final = OpenAiChat()


def decoded(data: bytes) -> dict[str, Any]:
    """Return the JSON object of an event; raises ``MalformedAnswer``."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise MalformedAnswer("an event that is not valid JSON") from None
    if not isinstance(value, dict):
        raise MalformedAnswer("an event that is not a JSON object")
    return value


def _has_finish_reason(chunk: dict[str, Any]) -> bool:
    return any(choice.get("finish_reason") for choice in chunk["choices"])
