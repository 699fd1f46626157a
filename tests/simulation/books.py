"""The provider's own books: what it was asked for and will charge, whatever the ledger says."""

from __future__ import annotations

from collections import Counter as Sums
from dataclasses import dataclass, field

from tests.simulation.orders import Order
from tests.simulation.sums import Place, places
from tests.simulation.view import Call


@dataclass
class Books:
    """What each call cost, and what that comes to for every counter.

    A call belongs to the day that its hold was booked into.
    """

    costs: dict[Call, int] = field(default_factory=dict)
    totals: Sums[Place] = field(default_factory=Sums)

    def charge(self, order: Order, day: str) -> None:
        """Carry a call out and charge it."""
        assert order.call not in self.costs, f"{order.call} reached the provider twice"
        self.costs[order.call] = order.cost
        for place in places(order.groups, day):
            self.totals[place] += order.cost
