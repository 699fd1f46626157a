"""Hard budgets: whose money, how much of it is left, and what may be refused for want of it.

A *scope* is whose money it is: the environment's (cut into slices), a team's or a key's. A
*budget* is what the ledger holds of one scope: a counter for the current day and one for the
current month. A *hold* sets money aside before a provider is called. Every change of a counter
is a :class:`~shared.domain.budgets.movements.Movement`, whose parts add up to nothing, so that
``avail + spent + held = cap + raised`` at every step.
"""

from shared.domain.budgets.budget import (
    NO_CAP,
    PERIODS,
    Budget,
    Counter,
    DropRaise,
    OnLimit,
    Period,
    Roll,
    Step,
    as_of,
    current_day,
    next_step,
)
from shared.domain.budgets.holds import Hold, OpenHold, Position
from shared.domain.budgets.scopes import Scope

__all__ = [
    "NO_CAP",
    "PERIODS",
    "Budget",
    "Counter",
    "DropRaise",
    "Hold",
    "OnLimit",
    "OpenHold",
    "Period",
    "Position",
    "Roll",
    "Scope",
    "Step",
    "as_of",
    "current_day",
    "next_step",
]
