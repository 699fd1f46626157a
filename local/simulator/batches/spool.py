"""Long texts that must not fill the memory: small ones stay in it, large ones go to disk."""

from __future__ import annotations

import hashlib
import weakref
from array import array
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

KEPT_IN_MEMORY = 65_536
"""Bytes. What is longer goes to a file without a name, which ends with the process."""
CHUNK = 65_536
RANK_BYTES = 8


class Spool:
    """Bytes that are appended, and read from any place as often as wanted."""

    def __init__(self, data: bytes = b"") -> None:
        self._file = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY)  # noqa: SIM115 - lives as long as this
        weakref.finalize(self, self._file.close)
        self.size = 0
        self.append(data)

    def append(self, data: bytes) -> int:
        """Add bytes at the end; return the place at which they begin."""
        begin = self.size
        self._file.seek(begin)
        self._file.write(data)
        self.size += len(data)
        return begin

    def read(self, begin: int, length: int) -> bytes:
        """Return some bytes, fewer where the text ends."""
        self._file.seek(begin)
        return self._file.read(length)

    def chunks(self) -> Iterator[bytes]:
        """Yield the whole text in pieces of even size."""
        for begin in range(0, self.size, CHUNK):
            yield self.read(begin, CHUNK)

    def lines(self) -> Iterator[bytes]:
        """Yield each line without its end; a last line needs none, and an empty one is none."""
        rest = b""
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest


class Pile:
    """Lines that are kept in one order and read in another: that of their names' digests.

    The same lines come out in the same order whatever order they came in, which is not the one
    in which they were asked for.
    """

    def __init__(self) -> None:
        self._kept = Spool()
        self._begins = array("Q")
        self._ranks = array("Q")

    def __len__(self) -> int:
        return len(self._begins)

    def add(self, name: str, line: bytes) -> None:
        """Keep a line, given without its end."""
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).digest()
        self._ranks.append(int.from_bytes(digest[:RANK_BYTES], "big"))
        self._begins.append(self._kept.append(line + b"\n"))

    def take_over(self, other: Pile) -> None:
        """Add another pile's lines."""
        shift = self._kept.size
        for chunk in other._kept.chunks():
            self._kept.append(chunk)
        self._begins.extend(begin + shift for begin in other._begins)
        self._ranks.extend(other._ranks)

    def shuffled(self) -> Spool:
        """Return the lines as a text."""
        shuffled = Spool()
        for place in sorted(range(len(self)), key=self._ranks.__getitem__):
            begin = self._begins[place]
            end = self._begins[place + 1] if place + 1 < len(self) else self._kept.size
            shuffled.append(self._kept.read(begin, end - begin))
        return shuffled
