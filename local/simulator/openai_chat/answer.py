"""What the simulated model says: the same request, the same words; another one, others.

The length follows the prompt: 20 to 60 tokens for a short question, up to 400 for long prompts
and for those that ask for work. Directives in the last user message override this
(:mod:`local.simulator.directives`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from local.simulator import tokens
from local.simulator.directives import Directives, read_directives
from local.simulator.openai_chat import errors, prompt
from local.simulator.openai_chat.request import ChatBody, JsonObject, JsonSchema, NamedTool
from local.simulator.prices import Model
from local.simulator.prose import prose
from local.simulator.schema_values import UnsatisfiableSchemaError, value_for

FinishReason = Literal["stop", "length", "tool_calls"]

_WORK = re.compile(
    r"\b(prove|design|implement|explain|derive|refactor|analy[sz]e|debug)\b", re.IGNORECASE
)
SHORT_QUESTION = 40
WORK_EXTRA = 120
LONGEST_EXTRA = 340
"""Tokens."""


@dataclass(frozen=True)
class Words:
    """One token of the answer's text."""

    text: str
    tokens: int = 1


@dataclass(frozen=True)
class CallStart:
    """The beginning of a tool call; its name is billed."""

    place: int
    id: str
    name: str

    @property
    def tokens(self) -> int:
        """What naming the function costs."""
        return tokens.count(self.name)


@dataclass(frozen=True)
class Arguments:
    """One token of a tool call's JSON arguments."""

    place: int
    text: str
    tokens: int = 1


Piece = Words | CallStart | Arguments


@dataclass(frozen=True)
class Choice:
    """One of the ``n`` answers, in the order in which it is generated."""

    index: int
    pieces: tuple[Piece, ...]
    finish_reason: FinishReason


@dataclass(frozen=True)
class Call:
    """A request that will be answered."""

    body: ChatBody
    model: Model
    prompt_tokens: int
    digest: bytes
    directives: Directives


def read_call(body: ChatBody, plain: dict[str, object], model: Model) -> Call:
    """Join a checked body with what is derived from it."""
    return Call(
        body=body,
        model=model,
        prompt_tokens=prompt.prompt_tokens(body),
        digest=prompt.digest(model.id, plain),
        directives=read_directives(prompt.last_user_text(body)),
    )


def choices(call: Call) -> tuple[Choice, ...]:
    """Return every choice; raises ``ApiError`` 400 for a schema that cannot be satisfied."""
    try:
        return tuple(_choice(call, index) for index in range(call.body.n or 1))
    except UnsatisfiableSchemaError as error:
        raise errors.invalid("schema", str(error)) from error


def _choice(call: Call, index: int) -> Choice:
    seed = call.digest + index.to_bytes(2, "big")
    called = _called_tools(call)
    pieces = _call_pieces(call, called, seed) if called else _text_pieces(call, seed)
    kept = _within(pieces, call.body.token_limit)
    if len(kept) < len(pieces):
        return Choice(index, kept, "length")
    return Choice(index, kept, "tool_calls" if called else "stop")


def _called_tools(call: Call) -> list[str]:
    body, offered = call.body, [tool.function.name for tool in call.body.tools or []]
    if isinstance(body.tool_choice, NamedTool):
        return [body.tool_choice.function.name]
    if body.tool_choice == "none":
        return []
    # Once a tool's result stands below the user's text, the text has been obeyed.
    fresh = body.messages[-1].role == "user"
    called = [name for name in call.directives.calls if fresh and name in offered]
    if body.tool_choice == "required" and not called:
        called = offered[:1]
    return called[:1] if body.parallel_tool_calls is False else called


def _call_pieces(call: Call, called: list[str], seed: bytes) -> list[Piece]:
    offered = {tool.function.name: tool.function for tool in call.body.tools or []}
    pieces: list[Piece] = []
    for place, name in enumerate(called):
        own = hashlib.sha256(seed + place.to_bytes(2, "big")).digest()
        value = value_for({"type": "object", **(offered[name].parameters or {})}, own)
        pieces.append(CallStart(place, f"call_{own.hex()[:24]}", name))
        pieces += [Arguments(place, token) for token in tokens.split(_json(value))]
    return pieces


def _text_pieces(call: Call, seed: bytes) -> list[Piece]:
    text = _before_stop(_text(call, seed), call.body.stops)
    return [Words(token) for token in tokens.split(text)]


def _text(call: Call, seed: bytes) -> str:
    if call.directives.echo is not None:
        return call.directives.echo
    wanted = call.body.response_format
    if isinstance(wanted, JsonSchema):
        return _json(value_for(wanted.json_schema.schema, seed))
    text = prose(seed, _wanted_tokens(call))
    return _json({"answer": text}) if isinstance(wanted, JsonObject) else text


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _wanted_tokens(call: Call) -> int:
    if call.directives.tokens is not None:
        return call.directives.tokens
    asked = prompt.last_user_text(call.body)
    extra = max(0, tokens.count(asked) - SHORT_QUESTION) // 2
    extra += WORK_EXTRA if _WORK.search(asked) else 0
    return 20 + call.digest[0] % 41 + min(extra, LONGEST_EXTRA)


def _before_stop(text: str, stops: tuple[str, ...]) -> str:
    ends = [text.find(stop) for stop in stops if stop in text]
    return text[: min(ends, default=len(text))]


def _within(pieces: Sequence[Piece], limit: int | None) -> tuple[Piece, ...]:
    room = sum(piece.tokens for piece in pieces) if limit is None else limit
    kept: list[Piece] = []
    for piece in pieces:
        room -= piece.tokens
        if room < 0:
            break
        kept.append(piece)
    return tuple(kept)
