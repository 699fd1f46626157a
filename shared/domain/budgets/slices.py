"""Room in slices: a call may fit into the whole and into no slice.

A slice that owes (its room is below nothing, because a cap was lowered or a raise has ended)
owes what the others could still spend: each decides by itself. So what all of them may spend is
lowered for all at once, and *levelled*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.domain.budgets.budget import Budget, Counter, DropRaise, stepped
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


def lowered(slices: Iterable[Budget], now: float) -> list[Budget]:
    """Return slices without the raises that have ended; epoch seconds."""
    return levelled([_without_ended(each, now) for each in slices])


def levelled(slices: Sequence[Budget]) -> list[Budget]:
    """Return slices of one day with room moved so that none owes while another has some."""
    days = _levelled([each.day for each in slices])
    months = _levelled([each.month for each in slices])
    return [
        replace(each, day=day, month=month)
        for each, day, month in zip(slices, days, months, strict=True)
    ]


def _levelled(counters: list[Counter]) -> list[Counter]:
    while True:
        least = min(range(len(counters)), key=lambda at: counters[at].avail)
        most = max(range(len(counters)), key=lambda at: counters[at].avail)
        room = min(counters[most].avail, -counters[least].avail)
        if room <= 0:
            return counters
        counters[least] = counters[least].widened(room)
        counters[most] = counters[most].widened(-room)


def _without_ended(piece: Budget, now: float) -> Budget:
    for period, counter in piece.counters:
        if counter.has_ended_raise(now):
            piece = stepped(piece, DropRaise(period))
    return piece


def _gift(avail: int, missing: int) -> int:
    return max(0, min(avail, missing))
