"""Bedrock's shapes: the answer of ``Converse``, the events of ``ConverseStream``, and usage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from local.simulator.anthropic_messages.wire import call_input, content_runs, signature
from local.simulator.bedrock_converse.event_stream import corrupted, event
from local.simulator.pieces import CallStart, Choice, Piece, Thought, Words, thought_tokens
from local.simulator.prices import Usage
from local.simulator.serving import Event, Wire

Json = dict[str, object]

STOP_REASONS = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "content_filtered",
}
METRICS = {"latencyMs": 1}
"""Required by the shape; the simulator does not measure itself."""


@dataclass(frozen=True)
class ConverseWire(Wire):
    """Renders one answer; ``usage`` is what gets reported."""

    stream_type: ClassVar[str] = "application/vnd.amazon.eventstream"

    request_id: str
    choice: Choice
    usage: object

    def headers(self) -> Mapping[str, str]:
        """Return the headers that every answer carries."""
        return {"x-amzn-requestid": self.request_id}

    def whole(self) -> bytes:
        """Return the whole answer."""
        content = [self._whole_block(pieces) for pieces in content_runs(self.choice)]
        return msgspec.json.encode(
            {
                "output": {"message": {"role": "assistant", "content": content}},
                "stopReason": STOP_REASONS[self.choice.ending],
                "usage": self.usage,
                "metrics": METRICS,
            }
        )

    def events(self) -> Iterator[Event]:
        """Yield the stream: start, each block, stop, and last the usage."""
        yield _event("messageStart", role="assistant")
        for index, pieces in enumerate(content_runs(self.choice)):
            yield from _block(index, pieces)
        yield _event("messageStop", stopReason=STOP_REASONS[self.choice.ending])
        closing = _event("metadata", usage=self.usage, metrics=METRICS)
        yield Event(closing.data, last=True)

    def spoilt(self, data: bytes) -> bytes:
        """Return an event whose checksum does not fit."""
        return corrupted(data)

    def _whole_block(self, pieces: list[Piece]) -> Json:
        first = pieces[0]
        if isinstance(first, CallStart):
            return {"toolUse": {**_call(first), "input": call_input(self.choice, first)}}
        text = "".join(piece.text for piece in pieces if isinstance(piece, Words | Thought))
        if isinstance(first, Thought):
            reasoning = {"text": text, "signature": signature(pieces)}
            return {"reasoningContent": {"reasoningText": reasoning}}
        return {"text": text}


def usage_json(usage: Usage) -> Json:
    """Return Bedrock's ``usage``; ``inputTokens`` is what no cache has touched."""
    details = [
        {"ttl": ttl, "inputTokens": tokens}
        for ttl, tokens in (("1h", usage.cache_write_long), ("5m", usage.cache_write))
        if tokens
    ]
    return {
        "inputTokens": usage.fresh,
        "outputTokens": usage.completion,
        "totalTokens": usage.prompt + usage.completion,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.cache_write + usage.cache_write_long,
        **({"cacheDetails": details} if details else {}),
    }


def _block(index: int, pieces: list[Piece]) -> Iterator[Event]:
    first = pieces[0]
    if isinstance(first, CallStart):
        start = {"toolUse": _call(first)}
        opened = _event("contentBlockStart", start=start, contentBlockIndex=index)
        yield Event(opened.data, first.tokens)
    for piece in pieces:
        if not isinstance(piece, CallStart):
            delta = _event("contentBlockDelta", delta=_delta(piece), contentBlockIndex=index)
            yield Event(delta.data, piece.tokens, thought_tokens([piece]))
    if isinstance(first, Thought):
        signed = {"reasoningContent": {"signature": signature(pieces)}}
        yield _event("contentBlockDelta", delta=signed, contentBlockIndex=index)
    yield _event("contentBlockStop", contentBlockIndex=index)


def _call(start: CallStart) -> Json:
    return {"toolUseId": f"tooluse_{start.id}", "name": start.name}


def _delta(piece: Piece) -> Json:
    if isinstance(piece, Thought):
        return {"reasoningContent": {"text": piece.text}}
    if isinstance(piece, Words):
        return {"text": piece.text}
    return {"toolUse": {"input": "" if isinstance(piece, CallStart) else piece.text}}


def _event(kind: str, **fields: object) -> Event:
    return Event(event(kind, msgspec.json.encode(fields)))
