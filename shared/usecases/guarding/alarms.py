"""Tells of alarms: at once, or when a quiet hour is over; what is found together, together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.domain.notices import AlarmChange, AlarmTold, IncidentTold, Message, Told
from shared.domain.notices.alarm_notices import missed, section_of
from shared.domain.notices.incidents import Decided, by_severity, decide, incident_of
from shared.domain.notices.spending import all_spending
from shared.domain.notices.wording import Money, Worded, alarm_worded
from shared.ports.notices import Alarms
from shared.usecases.budget_admin import Budgets
from shared.usecases.guarding.telling import TRIES, Telling

TOGETHER: Final = 25
"""How many incidents one message is about: with all their alarms they fit in a transaction."""
_OF_BUDGETS: Final = {"budget-50", "budget-80", "budget-100"}
_OF_MONEY: Final = {"burn-rate", "budget-refusals"}


class NothingDecided(RuntimeError):
    """Others kept telling of the same incident; whoever woke the guard wakes it again."""


class AlarmNews:
    """Raises ``StoreUnavailable`` and :class:`NothingDecided`."""

    def __init__(self, telling: Telling, budgets: Budgets, alarms: Alarms) -> None:
        self._telling = telling
        self._budgets = budgets
        self._alarms = alarms

    def tell(self, changes: Iterable[AlarmChange]) -> int:
        """Tell what is new about changes, in one message; returns the number of messages."""
        return self._tell_together(_by_incident(changes))

    def catch_up(self) -> int:
        """Tell what was held back until now, and what nobody told; returns the messages.

        An event of CloudWatch's that was lost comes never again: how the alarms stand is asked.
        """
        of = _by_incident(self._missed())
        for each in _alarms_of(self._telling.notices.told()):
            if each.is_news:
                of.setdefault(incident_of(each.name, each.says), [])
        return self._tell_together(of)

    def _missed(self) -> list[AlarmChange]:
        try:
            standing = self._alarms.standing()
        except Exception as error:  # noqa: BLE001 -- budgets are told of whatever CloudWatch answers
            self._telling.meter.trouble("alarms_unread", error=type(error).__name__)
            return []
        known = {each.name: each for each in _alarms_of(self._telling.notices.told())}
        now = self._telling.clock()
        found = (missed(each, known.get(each.name), now) for each in standing)
        return [each for each in found if each and not is_of_budget(each)]

    def _tell_together(self, of: Mapping[str, Sequence[AlarmChange]]) -> int:
        incidents, messages = sorted(of), 0
        for start in range(0, len(incidents), TOGETHER):
            some = {each: of[each] for each in incidents[start : start + TOGETHER]}
            messages += self._tell(some)
        return messages

    def _tell(self, of: Mapping[str, Sequence[AlarmChange]]) -> int:
        for _ in range(TRIES):
            told = self._telling.notices.told()
            found = [self._decide(told, incident, changes) for incident, changes in of.items()]
            decided = [each for each in found if each is not None]
            if not decided:
                return 0
            news = by_severity(row for each in decided for row in each.news)
            message = self._message(news) if news else None
            written = [row for each in decided for row in each.written]
            if self._telling.notices.write(message, written):
                return int(message is not None)
        raise NothingDecided(", ".join(of))

    def _decide(
        self, told: Sequence[Told], incident: str, changes: Sequence[AlarmChange]
    ) -> Decided | None:
        names = {change.name for change in changes}
        known = {
            each.name: each
            for each in _alarms_of(told)
            if each.name in names or incident_of(each.name, each.says) == incident
        }
        quiet = [t for t in told if isinstance(t, IncidentTold) and t.name == incident]
        return decide(incident, known, next(iter(quiet), None), changes, self._telling.clock())

    def _message(self, news: Sequence[AlarmTold]) -> Message:
        """Return one message; what is spent stands at the first alarm that it is about."""
        worded: list[Worded] = []
        money: Money | None = None
        for each in news:
            is_first = money is None and each.is_off and is_of_money(each)
            money = self._money() if is_first else money
            worded.append(alarm_worded(each, self._telling.place, money if is_first else None))
        return self._telling.message(worded)

    def _money(self) -> Money:
        """Return what is spent and may be, as far as it can be read."""
        rows = self._telling.spent(self._budgets.teams)
        spending = None if rows is None else all_spending(rows, self._telling.clock())
        try:
            return Money(self._budgets.show(), spending)
        except Exception as error:  # noqa: BLE001 -- whatever it is, people are told without it
            self._telling.meter.trouble("budgets_unread", error=type(error).__name__)
            return Money(None, spending)


def _by_incident(changes: Iterable[AlarmChange]) -> dict[str, list[AlarmChange]]:
    of: defaultdict[str, list[AlarmChange]] = defaultdict(list)
    for change in changes:
        of[incident_of(change.name, change.says)].append(change)
    return of


def is_of_budget(change: AlarmChange) -> bool:
    """Whether an alarm is about a threshold of a budget, which the ledger knows better."""
    return section_of(change.says) in _OF_BUDGETS


def is_of_money(alarm: AlarmChange | AlarmTold) -> bool:
    """Whether an alarm is about what is spent, so that who spends it is of use."""
    return section_of(alarm.says) in _OF_MONEY


def _alarms_of(told: Iterable[Told]) -> list[AlarmTold]:
    return [each for each in told if isinstance(each, AlarmTold)]
