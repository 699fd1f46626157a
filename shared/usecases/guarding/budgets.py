"""Tells of budgets: each threshold once, what is found together in one message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from shared.domain.notices import BudgetNotice, BudgetTold, budget_notice
from shared.domain.notices.spending import Rows, spending_of
from shared.domain.notices.wording import Worded, budget_worded
from shared.usecases.budget_admin import Budgets
from shared.usecases.guarding.telling import TRIES, Telling

TOGETHER: Final = 20
"""How many notices one message holds: more than a person reads, fewer than a transaction takes."""
_KINDS: Final = ("environment", "team", "key")
_Read = Callable[[], Rows | None]


class BudgetNews:
    """Raises ``StoreUnavailable``."""

    def __init__(self, telling: Telling, budgets: Budgets) -> None:
        self._telling = telling
        self._budgets = budgets

    def tell(self) -> int:
        """Look at all budgets and tell what is new; returns the number of messages."""
        for _ in range(TRIES):
            budgets = self._budgets.show()
            told = self._telling.notices.told()
            known = {(t.budget, t.period): t for t in told if isinstance(t, BudgetTold)}
            found = [
                notice
                for budget in budgets
                for period, _ in budget.counters
                if (notice := budget_notice(budget, period, known.get((budget.name, period))))
            ]
            messages = self._write_all(found)
            if messages is not None:
                self._telling.meter.budget(budgets[0])
                return messages
        return 0

    def _write_all(self, found: Sequence[BudgetNotice]) -> int | None:
        """Write down what was found; returns the messages, or None where it must be looked anew."""
        worst_first = sorted(found, key=_severity)
        read = cache(lambda: self._spent([each for each in found if each.is_told]))
        messages = 0
        for start in range(0, len(worst_first), TOGETHER):
            some = worst_first[start : start + TOGETHER]
            told = [notice for notice in some if notice.is_told]
            message = self._telling.message(self._worded(told, read)) if told else None
            if not self._telling.notices.write(message, [notice.after for notice in some]):
                return None
            messages += int(message is not None)
        return messages

    def _worded(self, notices: Sequence[BudgetNotice], read: _Read) -> list[Worded]:
        rows, now, place = read(), self._telling.clock(), self._telling.place
        if rows is None:
            return [budget_worded(each, None, place) for each in notices]
        return [budget_worded(n, spending_of(n.budget, rows, now), place) for n in notices]

    def _spent(self, notices: Sequence[BudgetNotice]) -> Rows | None:
        """Return what was spent in two hours by the teams that the notices are about."""
        scopes = [notice.budget.scope for notice in notices]
        if any(scope.kind == "environment" for scope in scopes):
            return self._telling.spent(self._budgets.teams)
        return self._telling.spent(lambda: sorted({scope.team for scope in scopes}))


def _severity(notice: BudgetNotice) -> tuple[bool, int, int]:
    return notice.is_clear, -notice.threshold, _KINDS.index(notice.budget.scope.kind)
