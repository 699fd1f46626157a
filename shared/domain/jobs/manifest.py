"""The manifest of a batch as a file: its lines, one JSON object a line, compressed.

A manifest of 100,000 lines is kept in memory as the bytes of its lines; one is decoded when its
result comes. The input is kept beside it, uncompressed, for it is read as it is sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from shared.domain.jobs.lines import AskedLine, Line, Planned

_encode: Final = msgspec.json.Encoder().encode
_line: Final = msgspec.json.Decoder(Line)
_planned: Final = msgspec.json.Decoder(Planned)


class ManifestWriter:
    """Gathers lines, compressed as they come."""

    def __init__(self) -> None:
        self.lines = 0
        self._compressor = zlib.compressobj(6)
        self._parts: list[bytes] = []

    def add(self, line: Line) -> None:
        """Take the next line."""
        self.lines += 1
        self._parts.append(self._compressor.compress(_encode(line) + b"\n"))

    def parts(self) -> Iterator[bytes]:
        """Yield the file."""
        yield from self._parts
        yield self._compressor.flush()


class Manifest:
    """The lines of a batch by their number."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        decompressor = zlib.decompressobj()
        plain = (decompressor.decompress(part) for part in parts)
        self._lines = list(_split(plain))

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self._lines)

    def __getitem__(self, number: int) -> Line:
        """Return a line; raises ``IndexError``."""
        return _line.decode(self._lines[number])


def plan_parts(plan: Iterable[Planned]) -> Iterator[bytes]:
    """Yield the file of a plan."""
    for planned in plan:
        yield _encode(planned) + b"\n"


def plan_in(parts: Iterable[bytes]) -> Iterator[Planned]:
    """Yield what a plan's file holds."""
    return map(_planned.decode, _split(parts))


def input_part(asked: AskedLine) -> bytes:
    """Return one line of an input file: the name, a blank, and the body, which has no newline."""
    return asked.custom_id.encode() + b" " + asked.body + b"\n"


def input_in(parts: Iterable[bytes]) -> Iterator[AskedLine]:
    """Yield what an input file holds."""
    for line in _split(parts):
        name, _, body = line.partition(b" ")
        yield AskedLine(name.decode(), body)


def _split(parts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
    if rest:
        yield rest
