"""The wire formats that doors and providers speak, behind one seam.

A format knows how its streams add up, where they end, what they say was billed and how a stored
answer is replayed. The use cases know none of that: a third format is one more module here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from shared.domain.prices import TokenCounts
from shared.domain.sse import Event

FormatName = Literal["openai-chat", "anthropic-messages"]
Reasoning = Literal["inside", "outside"]
Dialect = Literal["openai", "deepseek", "gemini", "anthropic", "bedrock"]


@dataclass(frozen=True)
class UsageDialect:
    """How one provider reports what it billed, within its wire format."""

    name: Dialect
    reasoning: Reasoning


Whole = dict[str, Any]
"""A whole answer, decoded."""


@dataclass(frozen=True)
class WireEvent:
    """One decoded event of a stream; OpenAI's have no name."""

    name: str
    data: dict[str, Any]


class Gathering(Protocol):
    """Adds the events of one stream up to the whole answer they say."""

    @property
    def usage(self) -> object:
        """What the provider said it billed, so far."""

    @property
    def is_finished(self) -> bool:
        """Whether everything that will be said has been said; only accounts may follow."""

    def add(self, event: WireEvent) -> None:
        """Take one event; raises ``MalformedAnswer``."""

    def whole(self) -> Whole:
        """Return the answer as a call without ``stream`` would have returned it."""


class Format(Protocol):
    """What the use cases ask of a wire format."""

    name: FormatName
    path: str
    """Below a provider's base URL."""
    closing: bytes
    """What is sent after the last event."""

    def gather(self, choices: int) -> Gathering:
        """Start gathering a stream with so many choices."""

    def decode(self, event: Event) -> WireEvent | None:
        """Decode an event, or None for one that says nothing; raises ``MalformedAnswer``."""

    def ends(self, event: Event) -> bool:
        """Whether this event is the last of its stream."""

    def error_in(self, event: WireEvent) -> object | None:
        """Return what an error event says, or None for any other event."""

    def frame(self, event: WireEvent) -> bytes:
        """Encode an event for the wire."""

    def annotated(
        self, events: list[WireEvent], notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the last events of a stream, the one that ends it carrying the notes."""

    def replay(
        self, whole: Whole, notes: dict[str, str], *, include_usage: bool
    ) -> Iterator[WireEvent]:
        """Yield the events of a stream that says the same as a whole answer."""

    def tokens(self, usage: object, dialect: UsageDialect) -> TokenCounts:
        """Read the billed tokens; raises ``MalformedUsage``."""

    def finish_reason(self, whole: Whole, choices: int) -> str:
        """Return why the (first) answer ended; raises ``MalformedAnswer`` for what is none."""

    def is_cacheable(self, whole: Whole, choices: int) -> bool:
        """Tell whether an answer is whole and says something."""
