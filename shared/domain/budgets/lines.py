"""One hold for many lines, settled a few lines at a time.

The hold's row says what is still held. Each line has a usage row of its own, and its row is what
makes it settled once: the row and the money of a line are written together or not at all. What
is left of the hold when every line has its end is given back.

A hold that expired meanwhile was charged in full, in doubt; from then on the lines take what they
cost from that charge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from shared.domain.budgets.budget import Budget
from shared.domain.budgets.movements import Movement
from shared.domain.budgets.scopes import Scope
from shared.domain.entries import Entry, Settlement

MOST_LINES: Final = 90
"""Of a transaction's 100 items; the hold, three budgets and the late money are the others."""

Source = Literal["hold", "expired", "gone"]
"""Where the money of lines stands: held, charged in full when the hold expired, or nowhere."""


@dataclass(frozen=True)
class SettledLine:
    """A line that has ended: the nano-dollars of the hold that were its own, and what it cost."""

    entry: Entry
    held: int
    settlement: Settlement


@dataclass(frozen=True)
class LinesFound:
    """What stood in the way of settling lines: rows that are written already, moved budgets."""

    source: Source
    written: frozenset[str]
    """The request ids of the lines that have their rows."""
    budgets: Mapping[Scope, Budget] = field(default_factory=dict)


def held_for(lines: Sequence[SettledLine]) -> int:
    """Return what was held for lines, in nano-dollars."""
    return sum(line.held for line in lines)


def spent_by(source: Source, line: SettledLine) -> int:
    """Return what a line adds to what is spent: its part of a charge is counted already."""
    return line.settlement.cost_nano - (0 if source == "hold" else line.held)


def settling_lines(source: Source, lines: Sequence[SettledLine]) -> Movement:
    """Return how the money of lines moves that end together.

    What is charged as it was held, because nobody can tell what it cost, is in doubt.
    """
    held, cost = held_for(lines), sum(line.settlement.cost_nano for line in lines)
    doubt = held_for([line for line in lines if line.settlement.usage_source == "held"])
    if source == "hold":
        return Movement(avail=held - cost, spent=cost, held=-held, doubt=doubt)
    return Movement(avail=held - cost, spent=cost - held, doubt=doubt - held)
