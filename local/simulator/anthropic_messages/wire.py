"""Anthropic's shapes: the ``message`` object, the events of its stream, and usage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import msgspec

from local.simulator.pieces import Arguments, CallStart, Choice, Piece, Thought, thought_tokens
from local.simulator.prices import Model, Usage
from local.simulator.serving import Event, Wire

Json = dict[str, object]

STOP_REASONS = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}
EXPLANATION = "The simulator was told to refuse."


@dataclass(frozen=True)
class MessagesWire(Wire):
    """Renders one answer; ``usage`` is what gets reported, ``shows_thinking`` the display."""

    id: str
    request_id: str
    model: Model
    choice: Choice
    usage: object
    shows_thinking: bool

    def headers(self) -> Mapping[str, str]:
        """Return the headers that every answer carries."""
        return {"request-id": self.request_id}

    def whole(self) -> bytes:
        """Return the whole answer as a ``message`` object."""
        content = [self._whole_block(pieces) for pieces in content_runs(self.choice)]
        message = {**self._message(), "content": content, **self._ending()}
        return msgspec.json.encode({**message, "usage": self.usage})

    def events(self) -> Iterator[Event]:
        """Yield the stream: start, each block with a ping in the first, delta, stop."""
        started = {**self._message(), "usage": self._usage_so_far()}
        yield _event("message_start", message=started)
        runs = content_runs(self.choice)
        if not runs:
            yield _event("ping")
        for index, pieces in enumerate(runs):
            yield from self._block(index, pieces)
        yield _event("message_delta", delta=self._ending(), usage=self._usage_at_end())
        yield Event(_event("message_stop").data, last=True)

    def _block(self, index: int, pieces: list[Piece]) -> Iterator[Event]:
        first = pieces[0]
        block = self._open_block(first)
        start = _event("content_block_start", index=index, content_block=block)
        yield Event(start.data, first.tokens if isinstance(first, CallStart) else 0)
        if index == 0:
            yield _event("ping")
        for piece in pieces:
            if not isinstance(piece, CallStart):
                yield self._delta(index, piece)
        if isinstance(first, Thought):
            delta = {"type": "signature_delta", "signature": signature(pieces)}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)

    def _delta(self, index: int, piece: Piece) -> Event:
        thoughts = thought_tokens([piece])
        if thoughts and not self.shows_thinking:
            return Event(b"", piece.tokens, thoughts)
        event = _event("content_block_delta", index=index, delta=_delta(piece))
        return Event(event.data, piece.tokens, thoughts)

    def _message(self) -> Json:
        return {
            "id": f"msg_{self.id}",
            "type": "message",
            "role": "assistant",
            "model": self.model.snapshot,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
        }

    def _ending(self) -> Json:
        refused = self.choice.ending == "refusal"
        details = {"type": "refusal", "category": None, "explanation": EXPLANATION}
        return {
            "stop_reason": STOP_REASONS[self.choice.ending],
            "stop_sequence": self.choice.stopped_by,
            "stop_details": details if refused else None,
        }

    def _whole_block(self, pieces: list[Piece]) -> Json:
        first = pieces[0]
        if isinstance(first, CallStart):
            return {**self._open_block(first), "input": call_input(self.choice, first)}
        text = "".join(piece.text for piece in pieces if not isinstance(piece, CallStart))
        if isinstance(first, Thought):
            shown = text if self.shows_thinking else ""
            return {"type": "thinking", "thinking": shown, "signature": signature(pieces)}
        return {"type": "text", "text": text, "citations": None}

    def _open_block(self, first: Piece) -> Json:
        if isinstance(first, CallStart):
            return {"type": "tool_use", "id": f"toolu_{first.id}", "name": first.name, "input": {}}
        if isinstance(first, Thought):
            return {"type": "thinking", "thinking": "", "signature": ""}
        return {"type": "text", "text": "", "citations": None}

    def _usage_so_far(self) -> object:
        if not isinstance(self.usage, dict) or not isinstance(self.usage.get("output_tokens"), int):
            return self.usage
        begun = {**self.usage, "output_tokens": min(1, self.usage["output_tokens"])}
        return {name: value for name, value in begun.items() if name != "output_tokens_details"}

    def _usage_at_end(self) -> object:
        if not isinstance(self.usage, dict):
            return self.usage
        return {name: value for name, value in self.usage.items() if name not in START_ONLY}


START_ONLY = frozenset({"cache_creation", "service_tier", "inference_geo"})
"""Parts of usage that the closing event leaves out (anthropic 2.8, ``MessageDeltaUsage``)."""


def content_runs(choice: Choice) -> list[list[Piece]]:
    """Return the pieces of each content block: reasoning, then text, or each call."""
    runs = groupby(choice.pieces, key=_block_of)
    return [list(pieces) for _key, pieces in runs]


def usage_json(usage: Usage, tier: str = "standard") -> Json:
    """Return Anthropic's ``usage``; ``input_tokens`` is what no cache has touched."""
    return {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_long,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_long,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": tier,
        "inference_geo": "global",
    }


def call_input(choice: Choice, start: CallStart) -> object:
    """Return a call's arguments; cut short by the token limit they are no JSON, and so empty."""
    try:
        return msgspec.json.decode(choice.arguments(start))
    except msgspec.DecodeError:
        return {}


def signature(pieces: list[Piece]) -> str:
    """Return what vouches for some reasoning."""
    text = "".join(piece.text for piece in pieces if isinstance(piece, Thought))
    return hashlib.sha256(text.encode()).hexdigest()


def _block_of(piece: Piece) -> tuple[str, int]:
    if isinstance(piece, CallStart | Arguments):
        return "call", piece.place
    return type(piece).__name__, 0


def _delta(piece: Piece) -> Json:
    if isinstance(piece, Thought):
        return {"type": "thinking_delta", "thinking": piece.text}
    if isinstance(piece, Arguments):
        return {"type": "input_json_delta", "partial_json": piece.text}
    return {"type": "text_delta", "text": piece.text if not isinstance(piece, CallStart) else ""}


def _event(name: str, **fields: object) -> Event:
    data = msgspec.json.encode({"type": name, **fields})
    return Event(f"event: {name}\ndata: ".encode() + data + b"\n\n")
