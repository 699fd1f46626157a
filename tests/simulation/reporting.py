"""Worlds in which usage is added up while calls are settled, expire and are settled late.

The clock leaps by hours only while no row is on its way: a packet does not travel for hours, but a
process may be frozen for hours with a call that it has not settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from shared.domain.errors import StoreUnavailable
from shared.domain.rollups import SETTLING_SECONDS, Cells, Sums, added
from shared.domain.usage_rows import day_after, days_between, moment_of, start_of
from shared.usecases.usage_reader import UsageReader
from tests.naive_rollups import cells_of
from tests.simulation.dice import dice
from tests.simulation.orders import Order
from tests.simulation.plans import TEAMS, Plan, plan_of
from tests.simulation.scheduler import Task
from tests.simulation.schemes import Scheme, Ticket, WatchedLedger
from tests.simulation.world import Broken, World

_LOOKS = 8
_LEAP_SECONDS = 40_000.0
_FROZEN_STEPS = (0, 0, 0, 60, 150)
_SKEW = 5_000.0
"""Clocks may be 10,000 s apart, which is what :mod:`shared.domain.rollups` waits for."""
_LASTS = 900.0
"""The longest that a function may run."""


def reporting_plan(seed: int) -> Plan:
    """Return a plan with room for all, short calls, and a clock that leaps only when told to."""
    plan = plan_of(seed)
    plenty = (100_000, 1_000_000)
    callers = [
        replace(
            caller,
            skew=caller.skew / 2,
            orders=tuple(replace(order, lasts=min(order.lasts, _LASTS)) for order in caller.orders),
        )
        for caller in plan.callers
    ]
    return replace(
        plan,
        callers=tuple(callers),
        sweeper_skews=tuple(skew / 2 for skew in plan.sweeper_skews),
        operator_changes=0,
        focus=replace(plan.focus, leaps=((0.03, 20.0),)),
        bounds=replace(plan.bounds, environment=plenty, team=plenty, key=plenty),
    )


class ReportingWorld(World):
    """A world with reporters, who store what is closed; at the end sums must be those of rows."""

    def __init__(self, plan: Plan, **how: Any) -> None:
        super().__init__(plan, **how)
        self._on_their_way = 0
        self._chance = dice(f"reporters {plan.seed}")

    def _begin(self) -> None:
        super()._begin()
        for number in range(2):
            skew = self._chance.uniform(-_SKEW, _SKEW)
            self._add(f"reporter {number}", skew, self._report)

    def _provide(self, order: Order, ticket: Ticket, task: Task) -> bool:
        """Call the provider; some processes are frozen then, until others have done much."""
        has_answer = super()._provide(order, ticket, task)
        for _ in range(self._chance.choice(_FROZEN_STEPS)):
            self._scheduler.hand_over()
        return has_answer

    def _settle(self, scheme: Scheme, order: Order, ticket: Ticket) -> None:
        with self._a_row_under_way():
            super()._settle(scheme, order, ticket)

    def _sweep(self, task: Task) -> None:
        scheme = self._scheme(task)
        for _ in range(_LOOKS):
            self._pause(20.0)
            with self._a_row_under_way():
                self._sweep_once(scheme)

    def _sweep_once(self, scheme: Scheme) -> None:
        for team in TEAMS:
            try:
                scheme.sweep(team)
            except StoreUnavailable:
                continue

    @contextmanager
    def _a_row_under_way(self) -> Iterator[None]:
        self._on_their_way += 1
        try:
            yield
        finally:
            self._on_their_way -= 1

    def _report(self, task: Task) -> None:
        reader = self._reader(task)
        for _ in range(_LOOKS):
            self._pause(5.0)
            if not self._on_their_way and not self._scheduler.has_strays:
                self._clock.now += self._chance.random() * _LEAP_SECONDS
            try:
                for team in TEAMS:
                    reader.cells(team, *self._days())
            except StoreUnavailable:
                continue

    def _finish(self) -> None:
        super()._finish()
        for _ in range(2):
            self._compare()
            self._clock.now += 3 * SETTLING_SECONDS
        self._compare()

    def _compare(self) -> None:
        reader = self._reader(None)
        for team in TEAMS:
            told, true = reader.cells(team, *self._days()), self._from_rows(team)
            if told != true:
                raise Broken(f"usage of {team} is told as {_total(told)}, not {_total(true)}")
            booked = [row.cost for row in self.judge.view.rows.values() if self._is_of(row, team)]
            if _total(told).cost_nano != sum(booked):
                raise Broken(f"usage of {team} lacks rows: {_total(told)}, not {booked}")

    def _is_of(self, row: Any, team: str) -> bool:
        return self.judge.orders[row.call].team == team

    def _from_rows(self, team: str) -> Cells:
        """Add up the rows of each day by themselves, with those of the next as evidence."""
        ledger = WatchedLedger(self._process(None))
        parts = []
        for day in days_between(*self._days()):
            following = day_after(day)
            own = list(ledger.usage_rows(team, start_of(day), start_of(following)))
            parts.append(cells_of(own, own, {}))
        return added(parts)

    def _days(self) -> tuple[str, str]:
        """Return the moments between which all of a world's rows lie."""
        last = max(self._clock.now, self.plan.start) + 2 * 86_400
        return moment_of(self.plan.start - 86_400), start_of(moment_of(last)[:10])

    def _reader(self, task: Task | None) -> UsageReader:
        process = self._process(task)
        return UsageReader(WatchedLedger(process), process.clock)


def _total(cells: Cells) -> Sums:
    return sum(cells.values(), Sums())
