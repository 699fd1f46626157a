"""Which lines of a batch were dealt with: one bit each, 12 KB for a hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable


class Seen:
    """A set of line numbers."""

    def __init__(self, stored: bytes, lines: int) -> None:
        self._bits = bytearray(stored.ljust((lines + 7) // 8, b"\0"))

    def __contains__(self, number: int) -> bool:
        """Whether a line was dealt with."""
        return bool(self._bits[number // 8] >> number % 8 & 1)

    def __bool__(self) -> bool:
        """Whether any line was."""
        return any(self._bits)

    def add(self, number: int) -> None:
        """Take a line down as dealt with."""
        self._bits[number // 8] |= 1 << number % 8

    def add_all(self, numbers: Iterable[int]) -> None:
        """Take lines down as dealt with."""
        for number in numbers:
            self.add(number)

    def stored(self) -> bytes:
        """Return the bits."""
        return bytes(self._bits)
