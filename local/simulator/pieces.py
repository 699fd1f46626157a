"""An answer in pieces: reasoning, words, and tool calls, one token at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

from local.simulator import tokens

Ending = Literal["stop", "stop_sequence", "length", "tool_calls", "refusal"]


@dataclass(frozen=True)
class Thought:
    """One token of reasoning."""

    text: str
    tokens: int = 1


@dataclass(frozen=True)
class Words:
    """One token of the answer's text."""

    text: str
    tokens: int = 1


@dataclass(frozen=True)
class CallStart:
    """The beginning of a tool call; its name is billed. ``id`` is 24 hex digits."""

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


Piece = Thought | Words | CallStart | Arguments


@dataclass(frozen=True)
class Choice:
    """One of the answers, in the order in which it is generated."""

    index: int
    pieces: tuple[Piece, ...]
    ending: Ending
    stopped_by: str | None = None

    @property
    def said(self) -> str:
        """The text without the reasoning."""
        return "".join(piece.text for piece in self.pieces if isinstance(piece, Words))

    @property
    def thoughts(self) -> str:
        """The reasoning."""
        return "".join(piece.text for piece in self.pieces if isinstance(piece, Thought))

    @property
    def starts(self) -> tuple[CallStart, ...]:
        """The tool calls."""
        return tuple(piece for piece in self.pieces if isinstance(piece, CallStart))

    def arguments(self, start: CallStart) -> str:
        """Return the JSON text of one call's arguments; cut short, it is no longer JSON."""
        parts = (piece for piece in self.pieces if isinstance(piece, Arguments))
        return "".join(part.text for part in parts if part.place == start.place)


def in_turn(made: Iterable[Choice]) -> Iterator[tuple[Choice, Piece]]:
    """Yield the first piece of each choice, then the second of each, and so on."""
    rows = zip_longest(*([(choice, piece) for piece in choice.pieces] for choice in made))
    return (pair for pair in chain.from_iterable(rows) if pair is not None)


def thought_tokens(pieces: Iterable[Piece]) -> int:
    """Return how many tokens of some pieces are reasoning."""
    return sum(piece.tokens for piece in pieces if isinstance(piece, Thought))
