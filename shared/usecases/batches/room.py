"""Holds the money for a whole batch, or says how many of its lines there is room for."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from shared.domain.batches.batch import Batch
from shared.domain.budgets import Budget, Hold
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import scopes_of
from shared.domain.entries import KeyRow
from shared.domain.errors import BudgetExceeded, BudgetFrozen
from shared.domain.money import format_usd
from shared.usecases.holding import Holding, Wanted


class BatchRoom:
    """Reserves. ``holding`` lets one batch take all that a budget has left."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def reserve(self, batch: Batch, key: KeyRow, most: array[int]) -> Hold:
        """Hold the most that each of the lines can cost, in nano-dollars, for all of them.

        Raises ``BudgetExceeded``, whose facts say how many lines there would be room for, or
        ``StoreUnavailable``. A hold that stands from an earlier try is used where it is enough.
        """
        wanted = Wanted(batch.entry(), key, sum(most), batch.hold_expires_at)
        try:
            hold = self._holding.reserve(wanted, None).hold
            if hold.nano < wanted.nano:
                self._holding.release(hold)
                hold = self._holding.reserve(wanted, None).hold
        except BudgetExceeded as refusal:
            raise self._explained(refusal, batch, most) from None
        return hold

    def give_up(self, batch: Batch) -> None:
        """Give back what a try held that nobody will go on with, and let none hold any more.

        Raises ``StoreUnavailable``.
        """
        entry = batch.entry()
        hold = self._holding.close_place(
            batch.team, entry.request_id, entry.attempt, batch.hold_expires_at
        )
        if hold is not None:
            self._holding.release(hold)

    def _explained(self, refusal: BudgetExceeded, batch: Batch, most: array[int]) -> BudgetExceeded:
        if isinstance(refusal, BudgetFrozen):
            return refusal
        left, total = max(0, self._left(batch)), sum(most)
        fitting = _fitting(most, left)
        told = (
            f"The {len(most)} lines of this batch may cost up to ${format_usd(total)} together "
            f"and ${format_usd(left)} is left: the first {fitting} would fit. Nothing was sent. "
            "Send fewer lines, set lower limits of output tokens, or have an operator lift the "
            f"budget with `sluice budget raise {refusal.facts.get('budget', '')} …`."
        )
        facts = {**refusal.facts, "lines": len(most), "lines_that_fit": fitting}
        return BudgetExceeded(told, facts)

    def _left(self, batch: Batch) -> int:
        """Return the nano-dollars that the tightest budget has left; a frozen one has none."""
        scopes = scopes_of(batch.team, batch.key_digest, batch.request_id)
        own = [scope for scope in scopes if scope.kind != "environment"]
        slices = self._holding.slices()
        return min(
            (_left_in(each) for each in [*self._holding.standing(own), together(slices)]),
            default=0,
        )


def _left_in(budget: Budget) -> int:
    if budget.frozen_because is not None:
        return 0
    if not budget.may_refuse:
        return 2**62
    return min(counter.avail for _, counter in budget.counters)


def _fitting(most: Iterable[int], left: int) -> int:
    count = 0
    for nano in most:
        left -= nano
        if left < 0:
            break
        count += 1
    return count
