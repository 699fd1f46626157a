"""What the guard does each time that it is woken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.notices import AlarmChange, DailyDone, Message
from shared.domain.notices.audits import DAILY, done
from shared.ports.notices import Alarms
from shared.usecases.budget_admin import Budgets
from shared.usecases.budget_audit import Sweep, Swept
from shared.usecases.guarding.alarms import AlarmNews, is_of_budget
from shared.usecases.guarding.budgets import BudgetNews
from shared.usecases.guarding.delivery import Delivered, Delivery
from shared.usecases.guarding.telling import Telling

_Done = TypeVar("_Done")


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
        """Tell what is new, measure the environment, deliver, and then end expired holds.

        What was held back of alarms is told here, and an alarm whose event was lost. None of it
        waits for what comes after, and what fails keeps nothing else from being done: the first
        error is raised when all has been tried.
        """
        errors: list[Exception] = []

        def tried(part: Callable[[], _Done], otherwise: _Done) -> _Done:
            try:
                return part()
            except Exception as error:  # noqa: BLE001 -- the first is raised below, all are told
                self._telling.meter.trouble("check", error=type(error).__name__)
                errors.append(error)
                return otherwise

        messages = tried(self._budget_news.tell, 0) + tried(self._alarm_news.catch_up, 0)
        tried(self._wait_for_audits, None)
        delivered = tried(self._delivery, Delivered(0, 0))
        swept = tried(self._sweep, Swept((), ()))
        if swept.is_cut:
            self._telling.meter.trouble("sweep_unfinished", ended=len(swept.ended))
        if errors:
            raise errors[0]
        return Guarded(messages, delivered, len(swept.ended))

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
        now = self._telling.clock()
        self._telling.notices.write(Message(message_id, at, title, text, facts, written_at=now), [])
        return Guarded(1, self._delivery())

    def _wait_for_audits(self) -> None:
        """Measure for how long a day has not been audited; a new stack begins to wait now."""
        now, notices = self._telling.clock(), self._telling.notices
        last = [each for each in notices.told() if isinstance(each, DailyDone)]
        if new := [each for each in DAILY if each not in {known.name for known in last}]:
            notices.write(None, [done(each, None, now) for each in new])
        if last:
            self._telling.meter.audit_overdue(max(each.overdue_hours(now) for each in last))
