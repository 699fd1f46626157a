"""OpenAI's shapes: the ``chat.completion`` object, its chunks, usage and log probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

import msgspec

from local.simulator.openai_chat.answer import Arguments, Call, CallStart, Choice, Piece, Words
from local.simulator.prices import Usage
from local.simulator.prose import WORDS

Json = dict[str, object]
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Event:
    """One server-sent event and the tokens that were generated for it."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True)
class Wire:
    """Renders one answer. ``created`` is in epoch seconds; ``usage`` is what gets reported."""

    id: str
    created: int
    call: Call
    choices: tuple[Choice, ...]
    usage: object

    def completion(self) -> bytes:
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
            logprobs = self._logprobs([piece])
            yield self._event(choice, _delta(piece), logprobs=logprobs, tokens=piece.tokens)
        for choice in self.choices:
            yield self._event(choice, {}, finish_reason=choice.finish_reason)
        if self.call.body.reports_usage:
            yield Event(self._chunk([], self.usage))
        yield Event(DONE)

    def _head(self, kind: str) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.call.model.snapshot,
            "service_tier": "default",
            "system_fingerprint": _system_fingerprint(self.call.model.snapshot),
        }

    def _event(
        self,
        choice: Choice,
        delta: Json,
        *,
        finish_reason: str | None = None,
        logprobs: Json | None = None,
        tokens: int = 0,
    ) -> Event:
        shown: Json = {
            "index": choice.index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return Event(self._chunk([shown], None), tokens)

    def _chunk(self, choices: list[Json], usage: object) -> bytes:
        chunk = {**self._head("chat.completion.chunk"), "choices": choices}
        if self.call.body.reports_usage:
            chunk["usage"] = usage
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    def _finished(self, choice: Choice) -> Json:
        return {
            "index": choice.index,
            "message": _message(choice),
            "logprobs": self._logprobs(choice.pieces),
            "finish_reason": choice.finish_reason,
        }

    def _logprobs(self, pieces: Iterable[Piece]) -> Json | None:
        words = [piece.text for piece in pieces if isinstance(piece, Words)]
        if not self.call.body.logprobs or not words:
            return None
        rivals = self.call.body.top_logprobs or 0
        return {"content": [_token_logprob(text, rivals) for text in words], "refusal": None}


def in_turn(choices: Iterable[Choice]) -> Iterator[tuple[Choice, Piece]]:
    """Yield the first piece of each choice, then the second of each, and so on."""
    rows = zip_longest(*([(choice, piece) for piece in choice.pieces] for choice in choices))
    return (pair for pair in chain.from_iterable(rows) if pair is not None)


def usage_json(usage: Usage) -> Json:
    """Return OpenAI's ``usage`` object."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _message(choice: Choice) -> Json:
    words = [piece.text for piece in choice.pieces if isinstance(piece, Words)]
    calls = [_whole_call(choice, piece) for piece in choice.pieces if isinstance(piece, CallStart)]
    content = None if calls or choice.finish_reason == "tool_calls" else "".join(words)
    message: Json = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    return {**message, "tool_calls": calls} if calls else message


def _whole_call(choice: Choice, start: CallStart) -> Json:
    arguments = "".join(
        piece.text
        for piece in choice.pieces
        if isinstance(piece, Arguments) and piece.place == start.place
    )
    function = {"name": start.name, "arguments": arguments}
    return {"id": start.id, "type": "function", "function": function}


def _opening(choice: Choice) -> Json:
    calls = any(isinstance(piece, CallStart) for piece in choice.pieces)
    return {"role": "assistant", "content": None if calls else "", "refusal": None}


def _delta(piece: Piece) -> Json:
    if isinstance(piece, Words):
        return {"content": piece.text}
    if isinstance(piece, Arguments):
        return {"tool_calls": [{"index": piece.place, "function": {"arguments": piece.text}}]}
    function = {"name": piece.name, "arguments": ""}
    start = {"index": piece.place, "id": piece.id, "type": "function", "function": function}
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
