"""A budget guard on the operator's bench, with people who write down what they hear."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.dynamodb.notices import DynamoNotices
from shared.adapters.dynamodb.spenders import DynamoSpenders
from shared.adapters.memory_notices import MemoryNotices
from shared.domain.budgets import Budget
from shared.domain.notices import AlarmChange, Message
from shared.domain.notices.alarm_notices import AlarmState
from shared.domain.notices.spending import Rows, Spent
from shared.domain.notices.wording import Place
from shared.meters import Trouble
from shared.usecases.guarding import Guard
from shared.usecases.guarding.daily_audit import DailyAudit, DailyGap
from shared.usecases.guarding.delivery import Delivery
from shared.usecases.guarding.telling import Telling
from tests.contracts.operators import Bench

RUNBOOK = "docs/runbook.md"
PAGE = "Something is wrong. [page] What to do: docs/runbook.md#latency"
BURNS = "It burns. [page] What to do: docs/runbook.md#burn-rate"
SMOULDERS = "It burns. [ticket] What to do: docs/runbook.md#burn-rate"
OF_BUDGET = "80 % is spent. [page] What to do: docs/runbook.md#budget-80"


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
        self.audits: list[tuple[int, int]] = []
        self.gaps: list[int] = []
        self.undelivereds: list[int] = []
        self.overdues: list[int] = []
        self.troubles: list[tuple[str, dict[str, Any]]] = []

    def budget(self, budget: Budget) -> None:
        self.budgets.append(budget)

    def audited(self, findings: int, price_age_days: int) -> None:
        self.audits.append((findings, price_age_days))

    def gap(self, permille: int) -> None:
        self.gaps.append(permille)

    def audit_overdue(self, hours: int) -> None:
        self.overdues.append(hours)

    def undelivered(self, messages: int) -> None:
        self.undelivereds.append(messages)

    def trouble(self, what: Trouble, **facts: Any) -> None:
        self.troubles.append((what, facts))


class RowsInMemory:
    """``Spenders`` over the ledger in memory."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def spent(self, teams: Sequence[str], since: float, until: float) -> Rows:
        rows = tuple(
            Spent(
                entry.opened_at,
                entry.team,
                entry.key_id,
                entry.feature,
                entry.model,
                self._ledger.rows[place].cost_nano,
            )
            for place, entry in self._ledger.entries.items()
            if entry.team in teams
            and since <= entry.opened_at <= until
            and place not in self._ledger.late
        )
        late = tuple(
            Spent(at, entry.team, entry.key_id, entry.feature, entry.model, nano)
            for entry, nano, at in self._ledger.late_money
            if entry.team in teams and since <= at <= until
        )
        return Rows(rows + late, since)


@dataclass
class Guarded:
    """The bench, the guard on it, and who hears it."""

    bench: Bench
    notices: Any
    spenders: Any
    people: list[People] = field(default_factory=lambda: [People()])
    meter: Any = field(default_factory=GuardBooks)
    metrics_nano: int = 0
    metrics_asked: list[tuple[float, float]] = field(default_factory=list)
    runbook: str = RUNBOOK
    price_age: int = 7
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
        telling = Telling(
            environment="dev",
            place=self.place,
            notices=self.notices,
            spenders=self.spenders,
            meter=self.meter,
            clock=self.bench.clock,
            new_id=self.new_id,
        )
        return Guard(
            telling,
            budgets=self.bench.budgets,
            sweep=self.bench.sweep,
            alarms=self,
            delivery=self.delivery,
        )

    @property
    def place(self) -> Place:
        return Place("--stack dev", self.runbook)

    @property
    def audit(self) -> DailyAudit:
        return DailyAudit(
            environment="dev",
            place=self.place,
            audit=self.bench.audit,
            price_age_days=lambda _: self.price_age,
            notices=self.notices,
            delivery=self.delivery,
            meter=self.meter,
            clock=self.bench.clock,
        )

    @property
    def gap(self) -> DailyGap:
        return DailyGap(
            admin=self.bench.admin,
            totals=self,
            notices=self.notices,
            meter=self.meter,
            clock=self.bench.clock,
        )

    def standing(self) -> list[AlarmChange]:
        return [
            AlarmChange(name, state, 0, PAGE, "3 points") for name, state in self.states.items()
        ]

    def cost_nano(self, since: float, until: float) -> int:
        self.metrics_asked.append((since, until))
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
        DynamoSpenders(client, "ledger", lambda *_: None, time.monotonic),
    )
