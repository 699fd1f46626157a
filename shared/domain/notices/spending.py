"""Who spent it: the dearest keys, features and models of an hour, against the hour before."""

from __future__ import annotations

from collections import Counter
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
    """What one settlement moved, in nano-dollars, and whose it was; ``at`` is in epoch seconds.

    Below zero where less was due than had been charged in full. ``at`` is when a call began, or
    when it was settled where that was later than minutes.
    """

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
class Rows:
    """What was read of usage: all rows from ``since`` on, in epoch seconds.

    ``is_cut`` where it begins later than was asked for, because reading ended at a limit.
    ``unread`` are teams, of so many, that there was no time to look at.
    """

    rows: tuple[Spent, ...]
    since: float
    is_cut: bool = False
    unread: frozenset[str] = frozenset()
    teams: int = 0


@dataclass(frozen=True)
class Share:
    """What one key, feature or model spent in the last hour and in the hour before.

    ``before_nano`` is None where the hour before was not wholly read.
    """

    name: str
    nano: int
    before_nano: int | None

    @property
    def change(self) -> str:
        """The change for people: ``+50 %``, ``new``; ``?`` where it is not known."""
        if self.before_nano is None:
            return "?"
        if self.before_nano == 0:
            return "new" if self.nano else "±0 %"
        percent = (self.nano - self.before_nano) * 100 // self.before_nano
        return f"{percent:+d} %" if percent else "±0 %"


@dataclass(frozen=True)
class Spending:
    """What one budget spent lately, up to ``now``.

    ``cut_at`` is where reading ended, in epoch seconds, if it did before two hours were read;
    ``unread`` how many of ``teams`` were not looked at.
    """

    now: float
    rows: tuple[Spent, ...]
    cut_at: float | None = None
    unread: int = 0
    teams: int = 0

    @property
    def read_seconds(self) -> int:
        """How much of the last hour was read; at least a second."""
        if self.cut_at is None:
            return HOUR
        return max(1, min(HOUR, round(self.now - self.cut_at)))

    @property
    def is_least(self) -> bool:
        """Whether the last hour spent more than is known here."""
        return self.read_seconds < HOUR or self.unread > 0

    @property
    def last_hour_nano(self) -> int:
        """What was spent in the last hour, as far as it was read."""
        return sum(row.cost_nano for row in self.rows if row.at >= self.now - HOUR)

    @property
    def hourly_nano(self) -> int:
        """What an hour comes to at the rate of what was read of the last one."""
        return self.last_hour_nano * HOUR // self.read_seconds

    def top(self, by: By) -> list[Share]:
        """Return the dearest of the last hour, the dearest first."""
        last, before = Counter[str](), Counter[str]()
        for row in self.rows:
            (last if row.at >= self.now - HOUR else before)[row.by(by)] += row.cost_nano
        dearest = sorted(last, key=lambda name: (-last[name], name))[:TOP]
        known = before if self.cut_at is None and not self.unread else None
        return [
            Share(name, last[name], None if known is None else known[name])
            for name in dearest
            if last[name] > 0
        ]


def spending_of(budget: Budget, read: Rows, now: float) -> Spending:
    """Return what a budget spent of what everybody did."""
    rows = tuple(row for row in read.rows if _is_of(row, budget))
    cut_at = read.since if read.is_cut else None
    if budget.scope.kind == "environment":
        return Spending(now, rows, cut_at, len(read.unread), read.teams)
    return Spending(now, rows, cut_at, int(budget.scope.team in read.unread), 1)


def all_spending(read: Rows, now: float) -> Spending:
    """Return what everybody spent."""
    cut_at = read.since if read.is_cut else None
    return Spending(now, read.rows, cut_at, len(read.unread), read.teams)


def exhausted_at(budget: Budget, period: Period, spending: Spending) -> float | None:
    """Return when a cap is met if the last hour goes on, in epoch seconds.

    What is held is as good as spent. None without a cap, or if the hour spent nothing.
    """
    counter = budget.counter(period)
    rate = spending.hourly_nano
    if not counter.is_capped or not rate:
        return None
    left = max(0, counter.limit - counter.spent - counter.held)
    return spending.now + left * HOUR / rate


def spending_facts(budget: Budget, period: Period, spending: Spending | None) -> dict[str, Any]:
    """Return the same for programs; what is not known is null."""
    facts: dict[str, Any] = {"reset_at": reset_at(period, budget.counter(period))}
    if spending is None:
        unknown = ("last_hour_usd", "read_seconds", "teams_unread", "exhausted_at", "top")
        return facts | dict.fromkeys(unknown)
    at = exhausted_at(budget, period, spending)
    return facts | {
        "last_hour_usd": format_usd(spending.last_hour_nano),
        "read_seconds": spending.read_seconds,
        "teams_unread": spending.unread,
        "exhausted_at": None if at is None else round(at),
        "top": {by: [_share(each) for each in spending.top(by)] for by in BYS},
    }


def _share(share: Share) -> dict[str, str | None]:
    before = share.before_nano
    return {
        "name": share.name,
        "usd": format_usd(share.nano),
        "before_usd": None if before is None else format_usd(before),
    }


def _is_of(row: Spent, budget: Budget) -> bool:
    scope = budget.scope
    if scope.kind == "environment":
        return True
    return row.team == scope.team and (scope.kind == "team" or row.key == budget.key_id)
