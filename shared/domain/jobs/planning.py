"""Which waiting jobs go together in one provider batch, and when.

Jobs of one model wait in one room. Those that have about as long until their deadlines go together,
so that one near deadline does not force many far ones. As soon as one of them must go, or a batch
is full, all of them go, equal prompt prefixes side by side: a provider's prompt cache is hit by
what comes soon after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.jobs.job import Waiting
from shared.domain.jobs.times import JobTimes

_AROUND_A_LINE: Final = 256
"""Bytes that a provider's own wrapping of a line takes at most, its name included."""


@dataclass(frozen=True)
class Limits:
    """What one batch may hold: lines, and bytes in all."""

    lines: int
    size: int


@dataclass(frozen=True)
class Group:
    """Rows that go together, in the order in which they are sent."""

    rows: tuple[Waiting, ...]

    @property
    def size(self) -> int:
        """Its bytes at most."""
        return sum(_size(row) for row in self.rows)

    @property
    def first_deadline(self) -> float:
        """The nearest deadline among them, in epoch seconds."""
        return min(row.deadline for row in self.rows)


def due_groups(rows: Iterable[Waiting], now: float, times: JobTimes, limits: Limits) -> list[Group]:
    """Return what must go now; epoch seconds."""
    bands: dict[tuple[int, int], list[Waiting]] = defaultdict(list)
    for row in rows:
        most = min(row.company, limits.lines)
        bands[times.band(now, row.deadline), most].append(row)
    groups: list[Group] = []
    for (_, most), together in sorted(bands.items()):
        allowed = Limits(most, limits.size)
        if _must_go(together, now, allowed):
            groups += _cut(together, allowed)
    return groups


def _must_go(rows: Sequence[Waiting], now: float, limits: Limits) -> bool:
    is_full = len(rows) >= limits.lines or sum(map(_size, rows)) >= limits.size
    return is_full or any(row.go_at <= now for row in rows)


def _cut(rows: Iterable[Waiting], limits: Limits) -> Iterator[Group]:
    taken: list[Waiting] = []
    size = 0
    for row in sorted(rows, key=lambda row: (row.prefix, row.go_at, row.job)):
        if taken and (len(taken) == limits.lines or size + _size(row) > limits.size):
            yield Group(tuple(taken))
            taken, size = [], 0
        taken.append(row)
        size += _size(row)
    if taken:
        yield Group(tuple(taken))


def _size(row: Waiting) -> int:
    return row.size + _AROUND_A_LINE
