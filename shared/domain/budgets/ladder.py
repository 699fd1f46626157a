"""What a budget still allows as it fills: derived from its counters, stored nowhere.

The steps go by what is spent. What is merely held may come back; only the stop counts it, in the
ledger's own condition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.budgets.budget import Budget, Counter, Period

LadderStep = Literal["normal", "warn", "cheapest", "batch_only", "stopped"]
STEPS: Final[tuple[LadderStep, ...]] = ("normal", "warn", "cheapest", "batch_only", "stopped")


@dataclass(frozen=True)
class Rung:
    """Where one counter of a budget stands."""

    budget: Budget
    period: Period
    step: LadderStep

    @property
    def counter(self) -> Counter:
        """The counter."""
        return self.budget.counter(self.period)

    @property
    def name(self) -> str:
        """The counter for people: ``team:search:day``."""
        return f"{self.budget.name}:{self.period}"


def used_tenths(counter: Counter) -> int:
    """Return how much of a capped counter is spent, in tenths of a percent, rounded down."""
    if counter.limit <= 0:
        return 1000
    return counter.spent * 1000 // counter.limit


def step_of(budget: Budget, period: Period) -> LadderStep:
    """Return the step of one counter."""
    counter = budget.counter(period)
    if not counter.is_capped:
        return "normal"
    used = used_tenths(counter)
    warn, cheapest, batch_only = (percent * 10 for percent in budget.ladder)
    if budget.on_limit == "warn" or used < warn:
        return "warn" if used >= warn else "normal"
    if used >= 1000:
        return "stopped"
    if budget.on_limit == "stop" or used < cheapest:
        return "warn"
    return "cheapest" if used < batch_only else "batch_only"


def rungs(budgets: Iterable[Budget]) -> list[Rung]:
    """Return where every capped counter stands, the one that allows least first."""
    found = [
        Rung(budget, period, step_of(budget, period))
        for budget in budgets
        for period, counter in budget.counters
        if counter.is_capped
    ]
    return sorted(found, key=lambda rung: STEPS.index(rung.step), reverse=True)
