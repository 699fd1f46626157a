"""Room in slices: a call may fit into the whole and into no slice."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.budgets.budget import Budget
from shared.domain.budgets.scopes import SLICES

Donor = tuple[Budget, int, int]
"""A slice, and the room it gives: nano-dollars of its day and of its month."""


def allows(piece: Budget, nano: int, max_share_percent: int) -> bool:
    """Whether a slice shows by itself that so many nano-dollars may be held.

    Slices are about equal, so one of them shows about what the whole is; where it says no, the
    whole decides.
    """
    if piece.frozen_because is not None:
        return False
    return not piece.may_refuse or all(
        nano <= counter.avail and nano <= counter.limit * SLICES * max_share_percent // 100
        for _, counter in piece.counters
        if counter.is_capped
    )


def donors(into: Budget, others: Iterable[Budget], nano: int) -> list[Donor]:
    """Return what other slices give so that so many nano-dollars fit into one.

    Empty where nothing is missing, or where all of them together have too little.
    """
    day, month = nano - into.day.avail, nano - into.month.avail
    given: list[Donor] = []
    for other in sorted(others, key=lambda each: each.day.avail, reverse=True):
        row = _gift(other.day.avail, day), _gift(other.month.avail, month)
        if any(row):
            given.append((other, *row))
            day, month = day - row[0], month - row[1]
    return given if day <= 0 and month <= 0 else []


def _gift(avail: int, missing: int) -> int:
    return max(0, min(avail, missing))
