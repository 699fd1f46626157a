"""Tells of budgets: each threshold once, what is found together in one message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from shared.domain.notices import BudgetNotice, BudgetTold, budget_notice
from shared.domain.notices.spending import Rows, spending_of
from shared.domain.notices.wording import Worded, budget_worded, keys_begin_anew
from shared.usecases.budget_admin import Budgets
from shared.usecases.guarding.telling import TRIES, Telling

TOGETHER: Final = 20
"""How many notices one message holds in full: more than a person reads."""
MOST_WRITTEN: Final = 90
"""How many a transaction writes down, of its 100 items."""
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
        read = cache(lambda: self._spent([each for each in found if each.is_told]))
        messages = 0
        for some in _together(sorted(found, key=_severity)):
            told = [notice for notice in some if notice.is_told]
            message = self._telling.message(self._worded(told, read)) if told else None
            if not self._telling.notices.write(message, [notice.after for notice in some]):
                return None
            messages += int(message is not None)
        return messages

    def _worded(self, notices: Sequence[BudgetNotice], read: _Read) -> list[Worded]:
        place, now = self._telling.place, self._telling.clock()
        own = [each for each in notices if not each.is_brief]
        rows = read() if own else None
        worded = [
            budget_worded(n, None if rows is None else spending_of(n.budget, rows, now), place)
            for n in own
        ]
        brief = [each for each in notices if each.is_brief]
        return [*worded, *([keys_begin_anew(brief, place)] if brief else [])]

    def _spent(self, notices: Sequence[BudgetNotice]) -> Rows | None:
        """Return what was spent in two hours by the teams that the notices are about."""
        scopes = [notice.budget.scope for notice in notices]
        if any(scope.kind == "environment" for scope in scopes):
            return self._telling.spent(self._budgets.teams)
        return self._telling.spent(lambda: sorted({scope.team for scope in scopes}))


def _together(worst_first: Iterable[BudgetNotice]) -> Iterator[list[BudgetNotice]]:
    """Yield what goes into one message each: what is one line for all of them counts as none."""
    some: list[BudgetNotice] = []
    for notice in worst_first:
        in_full = sum(not each.is_brief for each in some)
        if len(some) == MOST_WRITTEN or (in_full == TOGETHER and not notice.is_brief):
            yield some
            some = []
        some.append(notice)
    if some:
        yield some


def _severity(notice: BudgetNotice) -> tuple[bool, int, int]:
    return notice.is_clear, -notice.threshold, _KINDS.index(notice.budget.scope.kind)
