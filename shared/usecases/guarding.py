"""The budget guard's work: look at all budgets and alarms, and tell people what is new, once.

What is new is decided from the ledger and from what people have been told before, never from
what woke the guard. So it does not matter how often it is woken, by how many at once, or by what:
one of them writes the message down, and the others find that it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.domain.budgets import Budget
from shared.domain.notices import (
    AlarmChange,
    AlarmNotice,
    AlarmTold,
    BudgetNotice,
    BudgetTold,
    Message,
    budget_notice,
)
from shared.domain.notices.alarm_notices import (
    LAST_AUDIT,
    alarm_notice,
    audited,
    missed,
    overdue_hours,
)
from shared.domain.notices.spending import HOUR, Spending, Spent, spending_of
from shared.domain.notices.wording import Money, Worded, alarm_worded, budget_worded, told_together
from shared.ports.notices import Alarms, GuardMeter, Notices, Spenders
from shared.usecases.budget_admin import Budgets
from shared.usecases.budget_audit import Sweep
from shared.usecases.delivery import Delivered, Delivery

TOGETHER: Final = 20
"""How many notices one message holds: more than a person reads, fewer than a transaction takes."""
_KINDS: Final = ("environment", "team", "key")
_OF_BUDGETS: Final = {"budget-50", "budget-80", "budget-100"}
_OF_MONEY: Final = {"burn-rate", "budget-refusals"}
_TRIES: Final = 5
"""How often is decided anew what others were telling at the same time."""


@dataclass(frozen=True)
class Guarded:
    """What one run did."""

    messages: int
    delivered: Delivered
    swept: int = 0


class Guard:
    """Tells people. Raises ``StoreUnavailable``: whoever woke it wakes it again.

    ``where`` is how commands name the stack, such as ``--stack prod``.
    """

    def __init__(
        self,
        *,
        environment: str,
        where: str,
        budgets: Budgets,
        sweep: Sweep,
        notices: Notices,
        spenders: Spenders,
        alarms: Alarms,
        delivery: Delivery,
        meter: GuardMeter,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._environment = environment
        self._where = where
        self._budgets = budgets
        self._sweep = sweep
        self._notices = notices
        self._spenders = spenders
        self._alarms = alarms
        self._delivery = delivery
        self._meter = meter
        self._clock = clock
        self._new_id = new_id

    def check(self) -> Guarded:
        """End expired holds, measure the environment, tell what is new of budgets, deliver.

        An alarm whose event was lost is told of here: CloudWatch publishes a change once.
        """
        swept = self._sweep()
        self._meter.charged(sum(hold.nano for hold in swept.ended))
        messages = self._tell_budgets() + self._tell_missed()
        self._wait_for_audit()
        return Guarded(messages, self._delivery(), len(swept.ended))

    def alarms(self, changes: Iterable[AlarmChange]) -> Guarded:
        """Tell what is new of alarms, and of the budgets that they may be about; deliver.

        A budget's own alarm only wakes the guard: the ledger says more, and says it now.
        """
        seen = list(changes)
        messages = self._tell_alarms([each for each in seen if not is_of_budget(each)])
        if any(is_of_budget(each) for each in seen):
            messages += self._tell_budgets()
        return Guarded(messages, self._delivery())

    def relay(self, subject: str, text: str, message_id: str, at: float) -> Guarded:
        """Pass on what another service published at a time, such as AWS Budgets; deliver.

        Under the id and the time of the publisher, so that it is written down once.
        """
        facts = {"kind": "relayed", "environment": self._environment, "subject": subject}
        title = f"[sluice {self._environment}] {subject}"
        self._notices.write(Message(message_id, at, title, text, facts), [])
        return Guarded(1, self._delivery())

    def _tell_budgets(self) -> int:
        for _ in range(_TRIES):
            budgets = self._budgets.show()
            known = {(t.budget, t.period): t for t in self._told() if isinstance(t, BudgetTold)}
            found = [
                notice
                for budget in budgets
                for period, _ in budget.counters
                if (notice := budget_notice(budget, period, known.get((budget.name, period))))
            ]
            messages = self._write_all(found, budgets)
            if messages is not None:
                self._meter.budget(budgets[0])
                return messages
        return 0

    def _wait_for_audit(self) -> None:
        """Measure for how long a day has not been audited; a new stack begins to wait now."""
        now = self._clock()
        known = [t for t in self._told() if isinstance(t, AlarmTold) and t.name == LAST_AUDIT]
        if known:
            self._meter.audit_overdue(overdue_hours(known[0], now))
        else:
            self._notices.write(None, [audited(None, now)])

    def _tell_missed(self) -> int:
        try:
            standing = self._alarms.standing()
        except Exception as error:  # noqa: BLE001 -- budgets are told of whatever CloudWatch answers
            self._meter.trouble("alarms_unread", error=type(error).__name__)
            return 0
        known = {t.name: t for t in self._told() if isinstance(t, AlarmTold)}
        now = self._clock()
        found = (missed(each, known.get(each.name), now) for each in standing)
        return self._tell_alarms([each for each in found if each and not is_of_budget(each)])

    def _tell_alarms(self, changes: Sequence[AlarmChange]) -> int:
        return sum(self._tell_alarm(change) for change in sorted(changes, key=lambda c: c.at))

    def _tell_alarm(self, change: AlarmChange) -> int:
        for _ in range(_TRIES):
            known = {t.name: t for t in self._told() if isinstance(t, AlarmTold)}
            notice = alarm_notice(change, known.get(change.name))
            if notice is None:
                return 0
            message = self._message([self._alarm_worded(notice)]) if notice.is_told else None
            if self._notices.write(message, [notice.after]):
                return int(message is not None)
        raise NothingDecided(change.name)

    def _alarm_worded(self, notice: AlarmNotice) -> Worded:
        if notice.is_clear or not is_of_money(notice.change):
            return alarm_worded(notice, self._where)
        budgets, now = self._budgets.show(), self._clock()
        rows = self._spent_by(self._budgets.teams(), now)
        return alarm_worded(notice, self._where, Money(budgets, Spending(now, tuple(rows))))

    def _told(self) -> list[BudgetTold | AlarmTold]:
        return self._notices.told()

    def _write_all(self, found: Sequence[BudgetNotice], budgets: Sequence[Budget]) -> int | None:
        """Write down what was found; returns the messages, or None where it must be looked anew."""
        worst_first = sorted(found, key=_severity)
        messages = 0
        for start in range(0, len(worst_first), TOGETHER):
            some = worst_first[start : start + TOGETHER]
            told = [notice for notice in some if notice.is_told]
            message = self._message(self._worded(told)) if told else None
            if not self._notices.write(message, [notice.after for notice in some]):
                return None
            messages += int(message is not None)
        return messages

    def _worded(self, notices: Sequence[BudgetNotice]) -> list[Worded]:
        now = self._clock()
        rows = self._spent(notices, now)
        return [
            budget_worded(each, spending_of(each.budget, rows, now), self._where)
            for each in notices
        ]

    def _spent(self, notices: Sequence[BudgetNotice], now: float) -> list[Spent]:
        """Return what was spent in two hours by the teams that the notices are about."""
        scopes = [notice.budget.scope for notice in notices]
        if any(scope.kind == "environment" for scope in scopes):
            teams = self._budgets.teams()
        else:
            teams = sorted({scope.team for scope in scopes})
        return self._spent_by(teams, now)

    def _spent_by(self, teams: Sequence[str], now: float) -> list[Spent]:
        since = now - 2 * HOUR
        return [row for team in teams for row in self._spenders.spent(team, since, now)]

    def _message(self, worded: Sequence[Worded]) -> Message:
        subject, text, facts = told_together(worded, self._environment)
        return Message(self._new_id(), self._clock(), subject, text, facts)


class NothingDecided(RuntimeError):
    """Others kept telling of the same alarm; whoever woke the guard wakes it again."""


def is_of_budget(change: AlarmChange) -> bool:
    """Whether an alarm is about a threshold of a budget, which the ledger knows better."""
    return _section_of(change) in _OF_BUDGETS


def is_of_money(change: AlarmChange) -> bool:
    """Whether an alarm is about what is spent, so that who spends it is of use."""
    return _section_of(change) in _OF_MONEY


def _section_of(change: AlarmChange) -> str:
    """Return the section of the runbook that an alarm's description names."""
    return change.says.rpartition("#")[2]


def _severity(notice: BudgetNotice) -> tuple[bool, int, int]:
    return notice.is_clear, -notice.threshold, _KINDS.index(notice.budget.scope.kind)
