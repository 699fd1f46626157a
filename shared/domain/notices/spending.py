"""Who spent it: the dearest keys, features and models of an hour, against the hour before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from shared.domain.budgets import Budget, Period
from shared.domain.budgets.refusals import reset_at
from shared.domain.money import format_usd

HOUR: Final = 3600
TOP: Final = 3
By = Literal["key", "feature", "model"]
BYS: Final[tuple[By, ...]] = ("key", "feature", "model")
_NONE: Final = "(none)"


@dataclass(frozen=True)
class Spent:
    """What one call cost, in nano-dollars, and whose it was; ``at`` is in epoch seconds."""

    at: float
    team: str
    key: str
    feature: str | None
    model: str
    cost_nano: int

    def by(self, by: By) -> str:
        """Return what it counts under."""
        return {"key": self.key, "feature": self.feature or _NONE, "model": self.model}[by]


@dataclass(frozen=True)
class Share:
    """What one key, feature or model spent in the last hour and in the hour before."""

    name: str
    nano: int
    before_nano: int

    @property
    def change(self) -> str:
        """The change for people: ``+50 %``, ``new``."""
        if self.before_nano == 0:
            return "new" if self.nano else "±0 %"
        percent = (self.nano - self.before_nano) * 100 // self.before_nano
        return f"{percent:+d} %" if percent else "±0 %"


@dataclass(frozen=True)
class Spending:
    """What one budget spent lately, up to ``now``."""

    now: float
    rows: tuple[Spent, ...]

    @property
    def last_hour_nano(self) -> int:
        """What was spent in the last hour."""
        return sum(row.cost_nano for row in self.rows if row.at >= self.now - HOUR)

    def top(self, by: By) -> list[Share]:
        """Return the dearest of the last hour, the dearest first."""
        last, before = Counter[str](), Counter[str]()
        for row in self.rows:
            (last if row.at >= self.now - HOUR else before)[row.by(by)] += row.cost_nano
        dearest = sorted(last, key=lambda name: (-last[name], name))[:TOP]
        return [Share(name, last[name], before[name]) for name in dearest if last[name]]


def spending_of(budget: Budget, rows: Iterable[Spent], now: float) -> Spending:
    """Return what a budget spent of what everybody did."""
    return Spending(now, tuple(row for row in rows if _is_of(row, budget)))


def exhausted_at(budget: Budget, period: Period, spending: Spending) -> float | None:
    """Return when a cap is met if the last hour goes on, in epoch seconds.

    None without a cap, or if the hour spent nothing.
    """
    counter = budget.counter(period)
    rate = spending.last_hour_nano
    if not counter.is_capped or not rate:
        return None
    left = max(0, counter.limit - counter.spent)
    return spending.now + left * HOUR / rate


def spending_facts(budget: Budget, period: Period, spending: Spending) -> dict[str, Any]:
    """Return the same for programs."""
    at = exhausted_at(budget, period, spending)
    return {
        "last_hour_usd": format_usd(spending.last_hour_nano),
        "exhausted_at": None if at is None else round(at),
        "reset_at": reset_at(period, budget.counter(period)),
        "top": {by: [_share(each) for each in spending.top(by)] for by in BYS},
    }


def _share(share: Share) -> dict[str, str]:
    return {
        "name": share.name,
        "usd": format_usd(share.nano),
        "before_usd": format_usd(share.before_nano),
    }


def _is_of(row: Spent, budget: Budget) -> bool:
    scope = budget.scope
    if scope.kind == "environment":
        return True
    return row.team == scope.team and (scope.kind == "team" or row.key == budget.key_id)
