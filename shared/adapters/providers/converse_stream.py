"""The events of ``ConverseStream`` as the events of an Anthropic stream, one by one.

Converse begins no block of text or thinking: its first delta does. It tells the tokens after the
stop reason, in an event of its own; ``message_start`` shows zeros, and ``message_delta`` waits for
what was counted.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.adapters.providers.converse_answer import (
    UNKNOWN_USAGE,
    ending,
    messages_usage,
    opening,
    redacted,
)
from shared.domain.completion import MalformedAnswer
from shared.domain.translation.ids import tool_id

Json = dict[str, Any]

_STARTS: Final[dict[str, Json]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_NOT_KNOWN_YET: Final = {"input_tokens": 0, "output_tokens": 0}


class _Shape(msgspec.Struct, rename="camel"):
    pass


class ToolStart(_Shape):
    """The beginning of a call."""

    tool_use_id: str
    name: str


class Start(_Shape):
    """What a block begins with, where it is said."""

    tool_use: ToolStart | None = None


class BlockStart(_Shape):
    """The beginning of a block that is neither text nor thinking."""

    content_block_index: int
    start: Start


class ToolInput(_Shape):
    """A piece of a call's input, which is JSON text."""

    input: str


class ReasoningDelta(_Shape):
    """A piece of thinking."""

    text: str | None = None
    signature: str | None = None
    redacted_content: bytes | None = None


class Delta(_Shape):
    """A piece of a block: exactly one member is set."""

    text: str | None = None
    tool_use: ToolInput | None = None
    reasoning_content: ReasoningDelta | None = None


class BlockDelta(_Shape):
    """A piece of the block of an index."""

    content_block_index: int
    delta: Delta


class BlockStop(_Shape):
    """The end of the block of an index."""

    content_block_index: int


class MessageStop(_Shape):
    """Why the answer ended."""

    stop_reason: str
    additional_model_response_fields: Any = None


class Metadata(_Shape):
    """What was counted."""

    usage: Any = None


class StreamEvent(_Shape):
    """One event: exactly one member is set; events that are not named here say nothing to us."""

    message_start: dict[str, Any] | None = None
    content_block_start: BlockStart | None = None
    content_block_delta: BlockDelta | None = None
    content_block_stop: BlockStop | None = None
    message_stop: MessageStop | None = None
    metadata: Metadata | None = None


class ConverseToMessageStream:
    """Translates one stream; ``long_writes`` is as for ``converse_answer.to_message``."""

    def __init__(self, *, identity: str, model: str, long_writes: bool) -> None:
        self._opening = opening(identity, model)
        self._long_writes = long_writes
        self._blocks = _Blocks()
        self._ending: Json | None = None

    def feed(self, event: Json) -> list[Json]:
        """Return the events that one event amounts to; raises ``MalformedAnswer``."""
        try:
            said = msgspec.convert(event, StreamEvent)
        except msgspec.ValidationError as error:
            raise MalformedAnswer(f"an event out of shape ({error})") from None
        if said.message_start is not None:
            return [self._started()]
        if said.message_stop is not None:
            stop = said.message_stop
            self._ending = ending(stop.stop_reason, stop.additional_model_response_fields)
        if said.metadata is not None:
            return self._ended(messages_usage(said.metadata.usage, long_writes=self._long_writes))
        return self._blocks.take(said)

    def end(self) -> list[Json]:
        """Return what a stream that ended without its accounts still owes; nothing if it broke."""
        return self._ended(UNKNOWN_USAGE) if self._ending is not None else []

    def _started(self) -> Json:
        unknown_yet = {"stop_reason": None, "stop_sequence": None, "usage": _NOT_KNOWN_YET}
        message = {**self._opening, "content": [], "stop_details": None, **unknown_yet}
        return {"type": "message_start", "message": message}

    def _ended(self, usage: Json) -> list[Json]:
        if self._ending is None:
            raise MalformedAnswer("accounts before the end of its answer")
        delta, self._ending = self._ending, None
        return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


class _Blocks:
    """Numbers the blocks and begins those that Converse does not."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._redacted: dict[int, bytes] = {}

    def take(self, said: StreamEvent) -> list[Json]:
        if said.content_block_start is not None:
            return self._start_call(said.content_block_start)
        if said.content_block_delta is not None:
            grown = said.content_block_delta
            return self._grow(grown.content_block_index, grown.delta)
        if said.content_block_stop is not None:
            return self._stop(said.content_block_stop.content_block_index)
        return []

    def _start_call(self, begun: BlockStart) -> list[Json]:
        call = begun.start.tool_use
        if call is None:
            raise MalformedAnswer("a content block of an unknown kind")
        block = {"type": "tool_use", "id": tool_id(call.tool_use_id), "name": call.name}
        return self._start(begun.content_block_index, {**block, "input": {}})

    def _start(self, index: int, block: Json) -> list[Json]:
        if index in self._places:
            return []
        place = self._places[index] = len(self._places)
        return [{"type": "content_block_start", "index": place, "content_block": block}]

    def _grow(self, index: int, delta: Delta) -> list[Json]:
        if delta.text is not None:
            return self._said(index, "text", {"type": "text_delta", "text": delta.text})
        if delta.tool_use is not None:
            return self._added(
                index, {"type": "input_json_delta", "partial_json": delta.tool_use.input}
            )
        if delta.reasoning_content is None:
            raise MalformedAnswer("a piece of content of an unknown kind")
        return self._thought(index, delta.reasoning_content)

    def _thought(self, index: int, thought: ReasoningDelta) -> list[Json]:
        if thought.redacted_content is not None:
            known = self._redacted.get(index, b"")
            self._redacted[index] = known + thought.redacted_content
            return []
        if thought.signature is not None:
            signed = {"type": "signature_delta", "signature": thought.signature}
            return self._said(index, "thinking", signed)
        words = {"type": "thinking_delta", "thinking": thought.text or ""}
        return self._said(index, "thinking", words)

    def _said(self, index: int, kind: str, delta: Json) -> list[Json]:
        return [*self._start(index, _STARTS[kind]), *self._added(index, delta)]

    def _added(self, index: int, delta: Json) -> list[Json]:
        if index not in self._places:
            raise MalformedAnswer("a piece of a content block that has not begun")
        return [{"type": "content_block_delta", "index": self._places[index], "delta": delta}]

    def _stop(self, index: int) -> list[Json]:
        """End a block; one that never said anything was an empty text."""
        hidden = self._redacted.pop(index, None)
        first = self._start(index, _STARTS["text"] if hidden is None else redacted(hidden))
        return [*first, {"type": "content_block_stop", "index": self._places[index]}]
