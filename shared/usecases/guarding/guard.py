"""What the guard does each time that it is woken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.notices import AlarmChange, AlarmTold, Message
from shared.domain.notices.audits import DAILY, done, overdue_hours
from shared.ports.notices import Alarms
from shared.usecases.budget_admin import Budgets
from shared.usecases.budget_audit import Sweep
from shared.usecases.delivery import Delivered, Delivery
from shared.usecases.guarding.alarms import AlarmNews, is_of_budget
from shared.usecases.guarding.budgets import BudgetNews
from shared.usecases.guarding.telling import Telling


@dataclass(frozen=True)
class Guarded:
    """What one run did."""

    messages: int
    delivered: Delivered
    swept: int = 0


class Guard:
    """Tells people. Raises ``StoreUnavailable``: whoever woke it wakes it again."""

    def __init__(
        self,
        telling: Telling,
        *,
        budgets: Budgets,
        sweep: Sweep,
        alarms: Alarms,
        delivery: Delivery,
    ) -> None:
        self._telling = telling
        self._budget_news = BudgetNews(telling, budgets)
        self._alarm_news = AlarmNews(telling, budgets, alarms)
        self._sweep = sweep
        self._delivery = delivery

    def check(self) -> Guarded:
        """End expired holds, measure the environment, tell what is new, deliver.

        What was held back of alarms is told here, and an alarm whose event was lost.
        """
        swept = self._sweep()
        messages = self._budget_news.tell() + self._alarm_news.catch_up()
        self._wait_for_audits()
        return Guarded(messages, self._delivery(), len(swept.ended))

    def alarms(self, changes: Iterable[AlarmChange]) -> Guarded:
        """Tell what is new of alarms, and of the budgets that they may be about; deliver.

        A budget's own alarm only wakes the guard: the ledger says more, and says it now.
        """
        seen = list(changes)
        messages = self._alarm_news.tell(each for each in seen if not is_of_budget(each))
        if any(is_of_budget(each) for each in seen):
            messages += self._budget_news.tell()
        return Guarded(messages, self._delivery())

    def relay(self, subject: str, text: str, message_id: str, at: float) -> Guarded:
        """Pass on what another service published at a time, such as AWS Budgets; deliver.

        Under the id and the time of the publisher, so that it is written down once.
        """
        environment = self._telling.environment
        facts = {"kind": "relayed", "environment": environment, "subject": subject}
        title = f"[sluice {environment}] {subject}"
        self._telling.notices.write(Message(message_id, at, title, text, facts), [])
        return Guarded(1, self._delivery())

    def _wait_for_audits(self) -> None:
        """Measure for how long a day has not been audited; a new stack begins to wait now."""
        now, notices = self._telling.clock(), self._telling.notices
        known = {t.name: t for t in notices.told() if isinstance(t, AlarmTold)}
        last = [known[each] for each in DAILY if each in known]
        if new := [done(each, None, now) for each in DAILY if each not in known]:
            notices.write(None, new)
        if last:
            self._telling.meter.audit_overdue(max(overdue_hours(each, now) for each in last))
