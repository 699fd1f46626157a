"""OpenAI's shapes: the ``chat.completion`` object, its chunks, usage and log probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from local.simulator.openai_chat.dialects import Dialect
from local.simulator.openai_chat.request import ChatBody
from local.simulator.pieces import (
    Arguments,
    CallStart,
    Choice,
    Piece,
    Thought,
    Words,
    in_turn,
    thought_tokens,
)
from local.simulator.prices import Model
from local.simulator.prose import WORDS
from local.simulator.serving import Event, Wire

Json = dict[str, object]
DONE = b"data: [DONE]\n\n"
FINISH_REASONS = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "stop",
}


@dataclass(frozen=True)
class ChatWire(Wire):
    """Renders one answer. ``created`` is in epoch seconds; ``usage`` is what gets reported."""

    id: str
    created: int
    body: ChatBody
    model: Model
    dialect: Dialect
    choices: tuple[Choice, ...]
    usage: object

    def headers(self) -> Mapping[str, str]:
        """Return the headers that every answer carries."""
        return {"x-request-id": f"req_{self.id}"}

    def whole(self) -> bytes:
        """Return the whole answer as a ``chat.completion`` object."""
        shown = [self._finished(choice) for choice in self.choices]
        return msgspec.json.encode(
            {**self._head("chat.completion"), "choices": shown, "usage": self.usage}
        )

    def events(self) -> Iterator[Event]:
        """Yield the stream: roles, tokens of all choices in turn, ends, usage, ``[DONE]``."""
        for choice in self.choices:
            yield self._event(choice, _opening(choice))
        for choice, piece in in_turn(self.choices):
            yield self._token(choice, piece)
        for choice in self.choices:
            yield self._event(choice, {}, finish_reason=FINISH_REASONS[choice.ending])
        if self.body.reports_usage:
            yield Event(self._chunk([], self.usage))
        yield Event(DONE, last=True)

    def _token(self, choice: Choice, piece: Piece) -> Event:
        if isinstance(piece, Thought) and not self.dialect.shows_reasoning:
            return Event(b"", piece.tokens, piece.tokens)
        logprobs = self._logprobs([piece])
        event = self._event(choice, _delta(choice, piece), logprobs=logprobs)
        return Event(event.data, piece.tokens, thought_tokens([piece]))

    def _head(self, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model.snapshot,
            **({"service_tier": "default"} if self.dialect.names_tier else {}),
            "system_fingerprint": _system_fingerprint(self.model.snapshot),
        }

    def _event(
        self,
        choice: Choice,
        delta: Json,
        *,
        finish_reason: str | None = None,
        logprobs: Json | None = None,
    ) -> Event:
        shown: Json = {
            "index": choice.index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return Event(self._chunk([shown], None))

    def _chunk(self, choices: list[Json], usage: object) -> bytes:
        chunk = {**self._head("chat.completion.chunk"), "choices": choices}
        if self.body.reports_usage:
            chunk["usage"] = usage
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    def _finished(self, choice: Choice) -> Json:
        return {
            "index": choice.index,
            "message": self._message(choice),
            "logprobs": self._logprobs(choice.pieces),
            "finish_reason": FINISH_REASONS[choice.ending],
        }

    def _message(self, choice: Choice) -> Json:
        calls = [_whole_call(choice, start) for start in choice.starts]
        refused = choice.ending == "refusal"
        message: Json = {
            "role": "assistant",
            "content": None if calls or refused else choice.said,
            "refusal": choice.said if refused else None,
            "annotations": [],
        }
        if self.dialect.shows_reasoning and choice.thoughts:
            message["reasoning_content"] = choice.thoughts
        return {**message, "tool_calls": calls} if calls else message

    def _logprobs(self, pieces: Iterable[Piece]) -> Json | None:
        words = [piece.text for piece in pieces if isinstance(piece, Words)]
        if not self.body.logprobs or not words:
            return None
        rivals = self.body.top_logprobs or 0
        return {"content": [_token_logprob(text, rivals) for text in words], "refusal": None}


def _whole_call(choice: Choice, start: CallStart) -> Json:
    function = {"name": start.name, "arguments": choice.arguments(start)}
    return {"id": f"call_{start.id}", "type": "function", "function": function}


def _opening(choice: Choice) -> Json:
    silent = bool(choice.starts) or choice.ending == "refusal"
    return {"role": "assistant", "content": None if silent else "", "refusal": None}


def _delta(choice: Choice, piece: Piece) -> Json:
    if isinstance(piece, Thought):
        return {"reasoning_content": piece.text}
    if isinstance(piece, Words):
        return {"refusal" if choice.ending == "refusal" else "content": piece.text}
    if isinstance(piece, Arguments):
        return {"tool_calls": [{"index": piece.place, "function": {"arguments": piece.text}}]}
    function = {"name": piece.name, "arguments": ""}
    start = {
        "index": piece.place,
        "id": f"call_{piece.id}",
        "type": "function",
        "function": function,
    }
    return {"tool_calls": [start]}


def _token_logprob(text: str, rivals: int) -> Json:
    others = [f" {word}" for word in WORDS if f" {word}" != text]
    ranked = [text, *others][:rivals]
    top = [_logprob(token, rank) for rank, token in enumerate(ranked)]
    return {**_logprob(text, 0), "top_logprobs": top}


def _logprob(text: str, rank: int) -> Json:
    return {"token": text, "bytes": list(text.encode()), "logprob": -0.125 - 1.5 * rank}


def _system_fingerprint(model: str) -> str:
    return f"fp_{hashlib.sha256(model.encode()).hexdigest()[:10]}"
