"""Sums over holds and usage rows, which the counters are held against."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.simulation.orders import Order
from tests.simulation.view import Call, View, Whose

Place = tuple[Whose, str, str]
"""Whose counter, of which period (``day`` or ``month``), under which label."""


@dataclass
class Totals:
    """What holds and rows come to, for every counter and for all slices as one."""

    held: Sums[Place] = field(default_factory=Sums)
    spent: Sums[Place] = field(default_factory=Sums)
    doubt: Sums[Place] = field(default_factory=Sums)
    open_calls: Sums[Whose] = field(default_factory=Sums)

    def committed(self, place: Place) -> int:
        """Return what is spent or may still be."""
        return self.held[place] + self.spent[place]


def places(whose: Iterable[Whose], day: str) -> list[Place]:
    """Return the counters that something booked into a day counts in."""
    return [place for each in whose for place in ((each, "day", day), (each, "month", day[:7]))]


def totals(view: View, orders: Mapping[Call, Order]) -> Totals:
    """Add up the holds and rows of a view."""
    found = Totals()
    for hold in view.holds.values():
        whose = (*hold.scopes, ("environment",))
        found.open_calls.update(whose)
        for place in places(whose, hold.day):
            found.held[place] += hold.nano
    for row in view.rows.values():
        whose = (*orders[row.call].scopes, ("environment",))
        for place in places(whose, row.day):
            found.spent[place] += row.cost
            if row.status == "expired":
                found.doubt[place] += row.cost
    return found
