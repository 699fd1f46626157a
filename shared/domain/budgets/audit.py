"""Whether the books of a day add up: counters against usage rows and open holds.

I2: the parts of every counter add up, what is held is what its holds hold, and the slices of the
environment agree. I3: no counter says less than was spent. I7: counters and rows say the same.
All of it to the nano-dollar.

Calls go on while this is read. So counters are read before the rows and after them, and what the
rows say must lie between the two; where nothing moved, it must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.budgets.budget import Budget, Period, month_of
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import SLICES, Scope
from shared.domain.budgets.shown import limits_shown
from shared.domain.money import format_usd

Invariant = Literal["I2", "I3", "I7"]
Held = Mapping[tuple[Scope, str], int]
"""What open holds hold of a scope, in nano-dollars, by the label of the period."""


@dataclass(frozen=True)
class Finding:
    """Something that is off."""

    invariant: Invariant
    budget: str
    what: str


@dataclass(frozen=True)
class Reading:
    """The pieces of one budget before and after its rows were read; ``booked`` is their sum."""

    name: str
    before: Sequence[Budget]
    after: Sequence[Budget]
    booked: int

    def has_moved_on(self, period: Period, label: str) -> bool:
        """Whether a later period has begun, so that this one's counter is gone."""
        return any(piece.counter(period).label > label for piece in self.after)

    def spent(self, period: Period, label: str) -> tuple[int, int]:
        """Return the least and the most that the counter said, in nano-dollars."""
        low, high = sorted(_spent(pieces, period, label) for pieces in (self.before, self.after))
        return low, high


def findings(reading: Reading, held: Held, day: str) -> list[Finding]:
    """Return what is off with one budget on a day."""
    return [
        *_unbalanced(reading),
        *_held_apart(reading, held),
        *_unlike_rows(reading, day),
    ]


def slices_apart(slices: Sequence[Budget], told: Mapping[str, object] | None) -> list[Finding]:
    """Return where slices disagree, or their caps are not the ones that were last set.

    ``told`` is what the last audit row says of the environment's terms, if there is one.
    """
    terms = {(each.on_limit, each.ladder, each.frozen_because) for each in slices}
    found = (
        [Finding("I2", "environment", "its slices have different terms")] if len(terms) > 1 else []
    )
    if told is None or len(slices) < SLICES:
        return found
    for period, counter in together(slices).counters:
        cap, last = limits_shown(counter)["cap_usd"], told[f"{period}_cap_usd"]
        if cap != last:
            what = f"the caps of its slices add up to {cap}, and {last} was set (USD)"
            found.append(Finding("I2", f"environment:{period}", what))
    return found


def _spent(pieces: Sequence[Budget], period: Period, label: str) -> int:
    counters = [piece.counter(period) for piece in pieces]
    return sum(counter.spent for counter in counters if counter.label == label)


def _unbalanced(reading: Reading) -> Iterator[Finding]:
    for piece in reading.after:
        for period, counter in piece.counters:
            if not counter.is_balanced:
                parts = counter.avail + counter.spent + counter.held
                what = f"its parts add up to {format_usd(parts)}, not {format_usd(counter.limit)}"
                yield Finding("I2", f"{reading.name}:{period}", what)


def _held_apart(reading: Reading, held: Held) -> Iterator[Finding]:
    before = {piece.scope: piece for piece in reading.before}
    for piece in reading.after:
        for period, counter in piece.counters:
            if before.get(piece.scope, piece).counter(period) != counter:
                continue  # calls went on meanwhile: what was held then cannot be told
            holds = held.get((piece.scope, counter.label), 0)
            if holds != counter.held:
                what = f"it holds {format_usd(counter.held)}, its holds {format_usd(holds)}"
                yield Finding("I2", f"{reading.name}:{period}", what)


def _unlike_rows(reading: Reading, day: str) -> Iterator[Finding]:
    rows = format_usd(reading.booked)
    if not reading.has_moved_on("day", day):
        low, high = reading.spent("day", day)
        if not low <= reading.booked <= high:
            what = f"it has spent {format_usd(high)}, its rows {rows}"
            yield Finding("I3" if reading.booked > high else "I7", f"{reading.name}:day", what)
    if not reading.has_moved_on("month", month := month_of(day)):
        high = reading.spent("month", month)[1]
        if reading.booked > high:
            what = f"it has spent {format_usd(high)}, the rows of {day} alone {rows}"
            yield Finding("I3", f"{reading.name}:month", what)
