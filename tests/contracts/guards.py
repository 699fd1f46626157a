"""A budget guard on the operator's bench, with people who write down what they hear."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.dynamodb.notices import DynamoNotices
from shared.adapters.dynamodb.spenders import DynamoSpenders
from shared.adapters.memory_notices import MemoryNotices
from shared.domain.budgets import Budget
from shared.domain.notices import AlarmChange, Message
from shared.domain.notices.alarm_notices import AlarmState
from shared.domain.notices.spending import Spent
from shared.usecases.daily_audit import DailyAudit
from shared.usecases.delivery import Delivery
from shared.usecases.guarding import Guard
from tests.contracts.operators import Bench

PAGE = "Something is wrong. What to do: docs/runbook.md#latency"
OF_BUDGET = "80 % is spent. What to do: docs/runbook.md#budget-80"


class People:
    """A channel that remembers; ``troubles`` are raised by its next sends, one each."""

    def __init__(self, name: str = "people") -> None:
        self.name = name
        self.heard: list[tuple[Message, bool]] = []
        self.troubles: list[BaseException] = []

    def send(self, message: Message, *, is_repeat: bool) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.heard.append((message, is_repeat))

    @property
    def subjects(self) -> list[str]:
        return [message.subject for message, _ in self.heard]


class GuardBooks:
    """A ``GuardMeter`` that remembers."""

    def __init__(self) -> None:
        self.budgets: list[Budget] = []
        self.charges: list[int] = []
        self.audits: list[tuple[int, int, int]] = []
        self.undelivereds: list[int] = []
        self.overdues: list[int] = []
        self.troubles: list[tuple[str, dict[str, Any]]] = []

    def budget(self, budget: Budget) -> None:
        self.budgets.append(budget)

    def charged(self, nano: int) -> None:
        self.charges.append(nano)

    def audited(self, findings: int, gap_permille: int, price_age_days: int) -> None:
        self.audits.append((findings, gap_permille, price_age_days))

    def audit_overdue(self, hours: int) -> None:
        self.overdues.append(hours)

    def undelivered(self, messages: int) -> None:
        self.undelivereds.append(messages)

    def trouble(self, what: str, **facts: Any) -> None:
        self.troubles.append((what, facts))


class RowsInMemory:
    """``Spenders`` over the ledger in memory."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def spent(self, team: str, since: float, until: float) -> list[Spent]:
        return [
            Spent(
                entry.opened_at,
                team,
                entry.key_id,
                entry.feature,
                entry.model,
                self._ledger.rows[place].cost_nano,
            )
            for place, entry in self._ledger.entries.items()
            if entry.team == team and since <= entry.opened_at <= until
        ]


@dataclass
class Guarded:
    """The bench, the guard on it, and who hears it."""

    bench: Bench
    notices: Any
    spenders: Any
    people: list[People] = field(default_factory=lambda: [People()])
    meter: GuardBooks = field(default_factory=GuardBooks)
    metrics_nano: int = 0
    states: dict[str, AlarmState] = field(default_factory=dict)
    """How the alarms stand, where it is not how they were told."""
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def heard(self) -> list[str]:
        return [subject.removeprefix("[sluice dev] ") for subject in self.people[0].subjects]

    @property
    def last(self) -> Message:
        return self.people[0].heard[-1][0]

    @property
    def delivery(self) -> Delivery:
        return Delivery(
            notices=self.notices,
            channels=lambda: self.people,
            meter=self.meter,
            clock=self.bench.clock,
            new_id=self.new_id,
        )

    @property
    def guard(self) -> Guard:
        return Guard(
            environment="dev",
            where="--stack dev",
            budgets=self.bench.budgets,
            sweep=self.bench.sweep,
            notices=self.notices,
            spenders=self.spenders,
            alarms=self,
            delivery=self.delivery,
            meter=self.meter,
            clock=self.bench.clock,
            new_id=self.new_id,
        )

    @property
    def audit(self) -> DailyAudit:
        return DailyAudit(
            environment="dev",
            where="--stack dev",
            audit=self.bench.audit,
            admin=self.bench.admin,
            totals=self,
            price_age_days=lambda _: 7,
            notices=self.notices,
            delivery=self.delivery,
            meter=self.meter,
            clock=self.bench.clock,
        )

    def standing(self) -> list[AlarmChange]:
        return [
            AlarmChange(name, state, 0, PAGE, "3 points") for name, state in self.states.items()
        ]

    def cost_nano(self, since: float, until: float) -> int:
        assert since < until
        return self.metrics_nano

    def check(self) -> list[str]:
        """Check, and return what is heard of it."""
        before = len(self.heard)
        self.guard.check()
        return self.heard[before:]

    def alarm(self, state: str, at: int, *, name: str = "latency", says: str = PAGE) -> list[str]:
        """Deliver an alarm's change, and return what is heard of it."""
        before = len(self.heard)
        self.guard.alarms([AlarmChange(name, state, at, says, "3 points")])  # type: ignore[arg-type]
        return self.heard[before:]

    def new_id(self) -> str:
        return f"m{next(self._numbers):04d}"


MadeGuard = Callable[..., Guarded]


def guarded(bench: Bench) -> Guarded:
    """Put a guard on a bench, over the same table where there is one."""
    client = getattr(bench.admin, "_client", None)
    if client is None:
        return Guarded(bench, MemoryNotices(), RowsInMemory(bench.ledger))
    return Guarded(
        bench,
        DynamoNotices(client, "ledger", lambda *_: None),
        DynamoSpenders(client, "ledger", lambda *_: None),
    )
