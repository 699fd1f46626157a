"""One scope's budget: its caps, its counters, and what time does to them.

A counter belongs to the period that its label names (``2026-11-22``, ``2026-11``). Nothing resets
it: the first call of a new day *rolls* it. A label never goes back, so a clock that runs behind
books into the day that a faster one began. A raise has an end of its own and is *dropped* by the
first call after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from shared.domain.budgets.scopes import Scope

NO_CAP: Final = 10**18
"""A billion dollars: a counter without a cap counts all the same, and can be capped later."""

Period = Literal["day", "month"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
"""What each budget has a counter of: the fields of :class:`Budget` that are named alike."""

OnLimit = Literal["degrade", "stop", "warn"]
"""``degrade`` steps down the ladder before it stops, ``stop`` does not, ``warn`` never stops."""


@dataclass(frozen=True)
class Counter:
    """The money of one period in nano-dollars: ``avail + spent + held = cap + raised``.

    ``doubt`` is the part of ``spent`` that was charged for holds nobody settled.
    ``raised_until`` is in epoch seconds.
    """

    label: str
    cap: int
    avail: int
    spent: int = 0
    held: int = 0
    doubt: int = 0
    raised: int = 0
    raised_until: int = 0

    @property
    def limit(self) -> int:
        """What may be spent: the cap and what it was raised by."""
        return self.cap + self.raised

    @property
    def is_capped(self) -> bool:
        """Whether there is a cap at all."""
        return self.cap < NO_CAP

    @property
    def is_balanced(self) -> bool:
        """Whether the parts add up."""
        return self.avail + self.spent + self.held == self.limit

    def has_ended_raise(self, now: float) -> bool:
        """Whether it is raised until a time that has come, in epoch seconds."""
        return self.raised != 0 and self.raised_until <= now

    def widened(self, room: int) -> Counter:
        """Return the counter with more room, or less, and as much more cap."""
        return replace(self, cap=self.cap + room, avail=self.avail + room)

    def begun(self, label: str) -> Counter:
        """Return the counter of a new period, still raised if this one is."""
        return replace(self, label=label, avail=self.limit, spent=0, held=0, doubt=0)

    def unraised(self) -> Counter:
        """Return the counter with its raise taken back; less may be left than nothing."""
        return replace(self, avail=self.avail - self.raised, raised=0, raised_until=0)


@dataclass(frozen=True)
class Budget:
    """What the ledger holds of one scope.

    ``terms`` counts the changes an operator made: whoever decided by older terms decides anew.
    ``ladder`` holds the percentages of warn, cheapest and batch-only. ``in_flight`` and the
    ``minute`` fields are counted for keys.
    """

    scope: Scope
    day: Counter
    month: Counter
    terms: int = 0
    on_limit: OnLimit = "degrade"
    ladder: tuple[int, int, int] = (70, 85, 95)
    frozen_because: str | None = None
    key_id: str | None = None
    in_flight: int = 0
    minute: int = 0
    minute_requests: int = 0
    minute_tokens: int = 0

    def counter(self, period: Period) -> Counter:
        """Return the counter of a period."""
        return self.day if period == "day" else self.month

    def with_counter(self, period: Period, counter: Counter) -> Budget:
        """Return the budget with another counter of a period."""
        return replace(self, day=counter) if period == "day" else replace(self, month=counter)

    @property
    def counters(self) -> tuple[tuple[Period, Counter], ...]:
        """Each counter by its period."""
        return tuple((period, self.counter(period)) for period in PERIODS)

    @property
    def name(self) -> str:
        """The budget for people: ``environment``, ``team:search``, ``key:search.1f…``."""
        return f"key:{self.key_id}" if self.scope.kind == "key" else self.scope.label

    @property
    def may_refuse(self) -> bool:
        """Whether it is a hard budget."""
        return self.on_limit != "warn"


@dataclass(frozen=True)
class DropRaise:
    """A raise has ended."""

    period: Period


@dataclass(frozen=True)
class Roll:
    """A new day has begun, and perhaps a new month."""

    day: str


Step = DropRaise | Roll


def month_of(day: str) -> str:
    """Return the month of a day: ``2026-11`` of ``2026-11-22``."""
    return day[:7]


def opened(scope: Scope, day: str, *, day_cap: int, month_cap: int) -> Budget:
    """Return a budget at its first use."""
    return Budget(
        scope,
        day=Counter(day, day_cap, avail=day_cap),
        month=Counter(month_of(day), month_cap, avail=month_cap),
    )


def current_day(budgets: Iterable[Budget], clock_day: str) -> str:
    """Return the day to book into: the clock's, or a later one that has begun already."""
    return max((clock_day, *(budget.day.label for budget in budgets)))


def next_step(budget: Budget, day: str, now: float) -> Step | None:
    """Return what time has done to a budget that is not written down yet, one step at a time."""
    for period, counter in budget.counters:
        if counter.has_ended_raise(now):
            return DropRaise(period)
    return Roll(day) if budget.day.label < day else None


def stepped(budget: Budget, step: Step) -> Budget:
    """Return the budget after a step."""
    if isinstance(step, DropRaise):
        lowered = budget.counter(step.period).unraised()
        return replace(budget.with_counter(step.period, lowered), terms=budget.terms + 1)
    month = month_of(step.day)
    is_new = budget.month.label < month
    return replace(
        budget,
        day=budget.day.begun(step.day),
        month=budget.month.begun(month) if is_new else budget.month,
    )


def as_of(budget: Budget, day: str, now: float) -> Budget:
    """Return the budget with every step taken that time asks for."""
    while (step := next_step(budget, day, now)) is not None:
        budget = stepped(budget, step)
    return budget
