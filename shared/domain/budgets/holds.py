"""Money set aside for one call to one provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.budgets.budget import PERIODS, Budget, Period, month_of
from shared.domain.budgets.movements import RowState
from shared.domain.budgets.scopes import Scope
from shared.domain.entries import Entry


@dataclass(frozen=True)
class Hold:
    """What is asked of the ledger: ``nano`` nano-dollars of every scope, booked into ``day``.

    ``expires_at`` is in epoch seconds: a hold that nobody settled by then is charged in full.
    """

    entry: Entry
    nano: int
    day: str
    scopes: tuple[Scope, ...]
    expires_at: int

    @property
    def is_in_flight(self) -> bool:
        """Whether it counts among what its key does at once: a deferred call waits for hours."""
        return self.entry.variant == "standard"

    def periods_in(self, budget: Budget | None) -> tuple[Period, ...]:
        """Return the periods of a budget that this hold counts in; those gone by are closed.

        None stands for a budget that has not moved on.
        """
        if budget is None or budget.day.label == self.day:
            return PERIODS
        return ("month",) if budget.month.label == month_of(self.day) else ()


class OpenHold:
    """A hold that stands in the ledger: the only thing that opens the way to a provider.

    Made by :mod:`shared.usecases.holding` alone, which a test of the house holds.
    """

    __slots__ = ("_hold", "remaining_nano")

    def __init__(self, hold: Hold, remaining_nano: int | None = None) -> None:
        self._hold = hold
        self.remaining_nano = remaining_nano
        """What the tightest budget has left after it; None without a cap."""

    @property
    def hold(self) -> Hold:
        """What is held."""
        return self._hold

    @property
    def entry(self) -> Entry:
        """The call it is held for."""
        return self._hold.entry


@dataclass(frozen=True)
class Position:
    """How far a hold has come, as far as is known: what the next transaction starts from.

    ``budgets`` holds those of its scopes that were seen since they moved on.
    """

    hold_stands: bool = True
    row: RowState = "none"
    budgets: Mapping[Scope, Budget] = field(default_factory=dict)
