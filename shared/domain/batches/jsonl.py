"""JSON lines, cut from a stream of bytes: no more is held than one line and one chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_LINE_BYTES: Final = 1024 * 1024
"""As much as an interactive call may have in its body."""


@dataclass(frozen=True)
class RawLine:
    """A line that is not blank: its number, counted from 1 as editors do, and its bytes.

    ``raw`` is None where the line is too long to be one call.
    """

    number: int
    raw: bytes | None


def raw_lines(chunks: Iterable[bytes], longest: int = LONGEST_LINE_BYTES) -> Iterator[RawLine]:
    """Yield the lines of a stream that hold anything; the last may lack its end."""
    cutter = _Cutter(longest)
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.end()


class _Cutter:
    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._number = 0
        self._begun = bytearray()
        self._is_too_long = False

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        """Take a chunk; yields the lines that it ends."""
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._take(piece)
            yield from self.end()
        self._take(rest)

    def end(self) -> Iterator[RawLine]:
        """End the line that has begun; yields it unless it is blank."""
        self._number += 1
        raw = None if self._is_too_long else bytes(self._begun).strip(b" \t\r")
        self._begun.clear()
        self._is_too_long = False
        if raw != b"":
            yield RawLine(self._number, raw)

    def _take(self, piece: bytes) -> None:
        self._is_too_long |= len(self._begun) + len(piece) > self._longest
        if self._is_too_long:
            self._begun.clear()
        else:
            self._begun += piece
