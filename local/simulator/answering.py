"""What the simulated model says: the same request, the same words; another one, others.

The length follows the prompt: 20 to 60 tokens for a short question, up to 400 for long prompts
and for those that ask for work. Directives in the last user message override this
(:mod:`local.simulator.directives`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from local.simulator import tokens
from local.simulator.directives import read_directives
from local.simulator.pieces import Arguments, CallStart, Choice, Ending, Piece, Thought, Words
from local.simulator.prose import prose
from local.simulator.schema_values import Schema, value_for

_WORK = re.compile(
    r"\b(prove|design|implement|explain|derive|refactor|analy[sz]e|debug)\b", re.IGNORECASE
)
SHORT_QUESTION = 40
WORK_EXTRA = 120
LONGEST_EXTRA = 340
THOUGHTS = {"minimal": 8, "low": 16, "medium": 32, "high": 64, "xhigh": 96, "max": 128}
"""Tokens; reasoning by the effort that is asked for, plus 0 to 7."""
REFUSAL = "I cannot help with that."


@dataclass(frozen=True)
class ToolChoice:
    """Whether a tool must be called (``required``), may be, or may not; ``named`` is the one."""

    kind: Literal["auto", "required", "none"] = "auto"
    named: str | None = None
    parallel: bool = True


@dataclass(frozen=True)
class Ask:
    """What any protocol's request comes to.

    ``fresh`` is false where tool results stand below the user's text. ``schema`` is that of a
    JSON answer, ``tools`` holds each tool's. ``effort`` is None where the model does not reason;
    ``bounded_thoughts`` tells whether reasoning counts towards ``limit``.
    """

    digest: bytes
    question: str
    fresh: bool
    limit: int | None
    tools: Mapping[str, Schema] = field(default_factory=dict)
    choice: ToolChoice = ToolChoice()
    stops: tuple[str, ...] = ()
    schema: Schema | None = None
    json_object: bool = False
    answers: int = 1
    effort: str | None = None
    bounded_thoughts: bool = True


def pause_of(ask: Ask) -> float:
    """Return the seconds before each token."""
    return read_directives(ask.question).pause


def failure_of(ask: Ask) -> int | None:
    """Return the status of the error that the prompt asks for."""
    return read_directives(ask.question).failure


def choices(ask: Ask) -> tuple[Choice, ...]:
    """Return every choice; raises ``UnsatisfiableSchemaError``."""
    return tuple(_choice(ask, index) for index in range(ask.answers))


def _choice(ask: Ask, index: int) -> Choice:
    seed = ask.digest + index.to_bytes(2, "big")
    thoughts = _thoughts(ask, seed)
    said, ending, stop = _said(ask, seed)
    if ask.bounded_thoughts:
        pieces: Sequence[Piece] = [*thoughts, *said]
        kept = _within(pieces, ask.limit)
    else:
        pieces = [*thoughts, *said]
        kept = (*thoughts, *_within(said, ask.limit))
    if len(kept) < len(pieces):
        return Choice(index, kept, "length")
    return Choice(index, kept, ending, stop)


def _said(ask: Ask, seed: bytes) -> tuple[Sequence[Piece], Ending, str | None]:
    if read_directives(ask.question).refuse:
        return _words(REFUSAL), "refusal", None
    if called := _called_tools(ask):
        return _call_pieces(ask, called, seed), "tool_calls", None
    text, stop = _before_stop(_text(ask, seed), ask.stops)
    return _words(text), "stop" if stop is None else "stop_sequence", stop


def _thoughts(ask: Ask, seed: bytes) -> list[Thought]:
    if ask.effort is None:
        return []
    wanted = read_directives(ask.question).thoughts
    if wanted is None:
        wanted = THOUGHTS[ask.effort] + seed[1] % 8
    text = prose(hashlib.sha256(b"thoughts" + seed).digest(), wanted)
    return [Thought(token) for token in tokens.split(text)[:wanted]]


def _called_tools(ask: Ask) -> list[str]:
    if ask.choice.named is not None:
        return [ask.choice.named]
    if ask.choice.kind == "none":
        return []
    # Once a tool's result stands below the user's text, the text has been obeyed.
    wanted = read_directives(ask.question).calls if ask.fresh else ()
    called = [name for name in wanted if name in ask.tools]
    if ask.choice.kind == "required" and not called:
        called = list(ask.tools)[:1]
    return called if ask.choice.parallel else called[:1]


def _call_pieces(ask: Ask, called: list[str], seed: bytes) -> list[Piece]:
    pieces: list[Piece] = []
    for place, name in enumerate(called):
        own = hashlib.sha256(seed + place.to_bytes(2, "big")).digest()
        value = value_for({"type": "object", **ask.tools[name]}, own)
        pieces.append(CallStart(place, own.hex()[:24], name))
        pieces += [Arguments(place, token) for token in tokens.split(_json(value))]
    return pieces


def _words(text: str) -> list[Words]:
    return [Words(token) for token in tokens.split(text)]


def _text(ask: Ask, seed: bytes) -> str:
    directives = read_directives(ask.question)
    if directives.echo is not None:
        return directives.echo
    if ask.schema is not None:
        return _json(value_for(ask.schema, seed))
    text = prose(seed, _wanted_tokens(ask) if directives.tokens is None else directives.tokens)
    return _json({"answer": text}) if ask.json_object else text


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _wanted_tokens(ask: Ask) -> int:
    extra = max(0, tokens.count(ask.question) - SHORT_QUESTION) // 2
    extra += WORK_EXTRA if _WORK.search(ask.question) else 0
    return 20 + ask.digest[0] % 41 + min(extra, LONGEST_EXTRA)


def _before_stop(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    end, stop = min(found)
    return text[:end], stop


def _within(pieces: Sequence[Piece], limit: int | None) -> tuple[Piece, ...]:
    room = sum(piece.tokens for piece in pieces) if limit is None else limit
    kept: list[Piece] = []
    for piece in pieces:
        room -= piece.tokens
        if room < 0:
            break
        kept.append(piece)
    return tuple(kept)
