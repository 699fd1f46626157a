"""Which threshold of a budget people are told of, once for each period and cap.

What was told is remembered by counter. A counter that has risen to a higher threshold is told
of; one that has fallen below (its cap was raised, or a new period has begun) is remembered at
where it stands now, so that the same threshold under another cap, or on another day, is news
again. Nothing is told twice while nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.budgets import Budget, Counter, Period
from shared.domain.budgets.ladder import Rung, step_of, used_tenths
from shared.domain.budgets.scopes import Kind

THRESHOLDS: Final[dict[Kind, tuple[int, ...]]] = {
    "environment": (50, 80, 100),
    "team": (50, 80, 100),
    "key": (80, 100),
}
"""In percent. Of a key's half nobody needs to know."""

ALL_CLEAR_FROM: Final = 80
"""That half of a budget was spent needs no all-clear: nothing was wrong."""

Why = Literal["filled", "raised", "new_period"]


@dataclass(frozen=True)
class BudgetTold:
    """What people know of one counter: the highest threshold in a period, 0 for none.

    ``version`` counts how often this was written: whoever decided by an older one decides anew.
    """

    budget: str
    period: Period
    label: str
    threshold: int
    version: int = 0

    @property
    def subject(self) -> str:
        """The counter for people: ``team:search:day``."""
        return f"{self.budget}:{self.period}"


@dataclass(frozen=True)
class BudgetNotice:
    """A counter that is to be told of, and what people knew of it before, if anything.

    ``is_told`` is false where the change is only remembered.
    """

    budget: Budget
    period: Period
    threshold: int
    before: BudgetTold | None
    why: Why

    @property
    def counter(self) -> Counter:
        """The counter."""
        return self.budget.counter(self.period)

    @property
    def rung(self) -> Rung:
        """Where the counter stands."""
        return Rung(self.budget, self.period, step_of(self.budget, self.period))

    @property
    def is_clear(self) -> bool:
        """Whether it tells that something is over."""
        return self.why != "filled"

    @property
    def is_told(self) -> bool:
        """Whether people are told, or it is only remembered."""
        was = self.before.threshold if self.before else 0
        return not self.is_clear or was >= ALL_CLEAR_FROM

    @property
    def is_brief(self) -> bool:
        """Whether it is one of many at the same moment, of which one line says enough."""
        return self.why == "new_period" and self.budget.scope.kind == "key"

    @property
    def after(self) -> BudgetTold:
        """What people know once they have been told."""
        version = self.before.version + 1 if self.before else 1
        label = self.counter.label
        return BudgetTold(self.budget.name, self.period, label, self.threshold, version)


def budget_notice(budget: Budget, period: Period, told: BudgetTold | None) -> BudgetNotice | None:
    """Return what is to be told or remembered of a counter, or None."""
    counter = budget.counter(period)
    if told is not None and told.label > counter.label:
        return None  # read before the new period began: the clocks of two guards differ
    level = level_of(budget, period)
    known = told.threshold if told is not None and told.label == counter.label else 0
    if level > known:
        return BudgetNotice(budget, period, level, told, "filled")
    if told is None or told.threshold == level:
        return None
    why: Why = "raised" if told.label == counter.label else "new_period"
    return BudgetNotice(budget, period, level, told, why)


def level_of(budget: Budget, period: Period) -> int:
    """Return the highest threshold that a counter has reached, in percent; 0 for none."""
    used = used_percent(budget, period)
    reached = [each for each in THRESHOLDS[budget.scope.kind] if each <= used]
    return max(reached, default=0)


def used_percent(budget: Budget, period: Period) -> int:
    """Return how much of a counter is used, in percent, rounded down; 0 without a cap.

    100 as soon as only the cache is served, whatever is left by then: that is what people have
    to know, and a cap is hardly ever met to the nano-dollar.
    """
    counter = budget.counter(period)
    if not counter.is_capped:
        return 0
    if step_of(budget, period) in {"batch_only", "stopped"}:
        return 100
    tenths = used_tenths(counter)
    if budget.may_refuse and tenths >= _HARDLY_ROOM_TENTHS:
        return 100
    return min(100, tenths // 10) if budget.may_refuse else tenths // 10


_HARDLY_ROOM_TENTHS: Final = 990
"""From here on hardly any call fits into a hard budget."""
