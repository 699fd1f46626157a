"""Rows of a batch on their way into blobs: on disk in between, for a batch may be 200 MB."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Final

from shared.domain.files import Blob
from shared.ports.jobs import Blobs

_IN_MEMORY_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 256 * 1024


class Spool(AbstractContextManager["Spool"]):
    """Takes lines, and writes them as one blob when all are there."""

    def __init__(self) -> None:
        self.lines = 0
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 closed by exit

    def add(self, line: bytes) -> None:
        """Take a line."""
        self.lines += 1
        self._file.write(line)

    def write(self, blobs: Blobs, key: str) -> Blob:
        """Write the blob."""
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in self._chunks():
                size += len(chunk)
                yield chunk

        blobs.write(key, counted())
        return Blob(key, size)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget the lines."""
        self._file.close()

    def _chunks(self) -> Iterator[bytes]:
        return self._all()

    def _all(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk


class RankedSpool(Spool):
    """Writes lines by their rank, those of the same rank in the order in which they came.

    ``change`` returns what is written of a line that may change, by how many are of its rank.
    """

    def __init__(self, change: Callable[[bytes, int], bytes]) -> None:
        super().__init__()
        self._change = change
        self._may_change = bytearray()
        self._ranks = array("q")
        self._ends = array("q", [0])

    def add_ranked(self, line: bytes, rank: int, *, may_change: bool) -> None:
        """Take a line of a rank."""
        self.add(line)
        self._may_change.append(may_change)
        self._ranks.append(rank)
        self._ends.append(self._ends[-1] + len(line))

    def _chunks(self) -> Iterator[bytes]:
        if any(self._may_change):
            counts = Counter(self._ranks)
            return (self._changed(number, counts) for number in self._order())
        return self._all() if self._is_in_order() else map(self._line, self._order())

    def _changed(self, number: int, counts: Counter[int]) -> bytes:
        line = self._line(number)
        return self._change(line, counts[self._ranks[number]]) if self._may_change[number] else line

    def _order(self) -> list[int]:
        return sorted(range(self.lines), key=self._ranks.__getitem__)

    def _is_in_order(self) -> bool:
        return all(one <= other for one, other in pairwise(self._ranks))

    def _line(self, number: int) -> bytes:
        self._file.seek(self._ends[number])
        return self._file.read(self._ends[number + 1] - self._ends[number])
