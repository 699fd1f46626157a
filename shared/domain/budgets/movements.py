"""How money moves between the parts of a counter, and the ways in which a hold can end.

A hold and the usage row of its call tell how far the call got:

| hold   | row     | how it came about                                            |
|--------|---------|--------------------------------------------------------------|
| there  | none    | the call goes on, or its process died                        |
| gone   | settled | settled                                                      |
| gone   | expired | nobody settled it in time: charged in full, in doubt         |
| there  | expired | the reservation arrived once more after the hold had expired |
| there  | settled | the reservation arrived once more after the settlement       |

Each ending states the rows it starts from; the ledger carries it out only from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

RowState = Literal["none", "expired", "settled"]
"""What stands where the usage row of a call belongs."""


@dataclass(frozen=True)
class Movement:
    """What is added to the parts of a counter, in nano-dollars. Nothing is made or lost."""

    avail: int = 0
    spent: int = 0
    held: int = 0
    doubt: int = 0

    def __post_init__(self) -> None:
        """Refuse a movement that makes or loses money."""
        if self.avail + self.spent + self.held != 0:
            raise ValueError(f"{self} does not balance")


def reserving(nano: int) -> Movement:
    """Set money aside."""
    return Movement(avail=-nano, held=nano)


@dataclass(frozen=True)
class Ending:
    """One way in which a hold ends.

    ``takes_hold`` tells whether a hold stands there and goes. ``row_before`` is what stands where
    the row belongs, ``writes_row`` whether the row is written.
    """

    name: str
    takes_hold: bool
    row_before: RowState
    writes_row: bool
    charges_real: bool = True
    gives_back_expired: bool = False
    in_doubt: bool = False

    def movement(self, held: int, real: int) -> Movement:
        """Return how the money moves for a hold and the real cost of its call."""
        charge = real if self.charges_real else held if self.in_doubt else 0
        released = held if self.takes_hold else 0
        returned = held if self.gives_back_expired else 0
        return Movement(
            avail=released + returned - charge,
            spent=charge - returned,
            held=-released,
            doubt=(held if self.in_doubt else 0) - returned,
        )


SETTLE: Final = Ending("settle", takes_hold=True, row_before="none", writes_row=True)
"""The call has ended and its cost is known."""
SETTLE_LATE: Final = Ending(
    "settle_late", takes_hold=False, row_before="expired", writes_row=True, gives_back_expired=True
)
"""It had been charged in full already: the difference is given back, once."""
SETTLE_TWICE_HELD: Final = Ending(
    "settle_twice_held",
    takes_hold=True,
    row_before="expired",
    writes_row=True,
    gives_back_expired=True,
)
"""It had been charged in full, and the money was set aside once more."""
SETTLE_UNHELD: Final = Ending("settle_unheld", takes_hold=False, row_before="none", writes_row=True)
"""Its hold had been given back though the provider billed it: what was paid is said, whatever the
caps. A provider contradicted itself, or there is a mistake of ours."""
EXPIRE: Final = Ending(
    "expire",
    takes_hold=True,
    row_before="none",
    writes_row=True,
    charges_real=False,
    in_doubt=True,
)
"""Nobody settled it: a provider may have been paid, so all of it is charged, in doubt."""
DROP_SETTLED: Final = Ending(
    "drop_settled", takes_hold=True, row_before="settled", writes_row=False, charges_real=False
)
"""A hold that came back after its call was settled: given back."""
DROP_EXPIRED: Final = Ending(
    "drop_expired", takes_hold=True, row_before="expired", writes_row=False, charges_real=False
)
"""A hold that came back after its call was charged in full: given back."""
ABANDON: Final = Ending(
    "abandon", takes_hold=True, row_before="none", writes_row=False, charges_real=False
)
"""No provider was called: given back."""


def settling(hold_stands: bool, row: RowState) -> Ending | None:
    """Return how a call that has ended is settled, or None where it was settled before."""
    if row == "settled":
        return None
    if row == "expired":
        return SETTLE_TWICE_HELD if hold_stands else SETTLE_LATE
    return SETTLE


def expiring(hold_stands: bool, row: RowState) -> Ending | None:
    """Return how a hold whose time is over ends, or None where it has ended."""
    if not hold_stands:
        return None
    return {"none": EXPIRE, "expired": DROP_EXPIRED, "settled": DROP_SETTLED}[row]
