"""Scenes that chance rarely plays: each needs one condition of the ledger and fails without it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from random import Random

from shared.domain.budgets import Budget, Period, Roll
from shared.domain.budgets.scopes import slice_scope
from shared.domain.errors import BudgetExceeded
from tests.simulation.calls import conflict
from tests.simulation.operators import write_of
from tests.simulation.stage import Stage

DAY = 86_400.0
_TRANSACTION = "TransactWriteItems"


def _noon(day: int) -> float:
    return datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()


def _nothing() -> None:
    return


def a_month_turns_between_two_tries_of_a_settlement() -> None:
    stage = Stage(_noon(29))
    slow = stage.process()
    order = stage.order(20, cost=5)
    ticket = slow.reserve(order)
    stage.spend(1, piece=0, skew=DAY)
    stage.before(_TRANSACTION, _nothing)
    stage.before(_TRANSACTION, lambda: _spend_in_december(stage))
    slow.settle(order, ticket)


def _spend_in_december(stage: Stage) -> None:
    stage.spend(1, piece=0, skew=2 * DAY)


def a_reservation_lands_in_vain_as_the_day_turns() -> None:
    stage = Stage(_noon(15))
    order = stage.order(20, cost=5)

    def turned_away() -> None:
        stage.clock.now += DAY
        raise conflict(_TRANSACTION, {"TransactItems": [0, 1, 2, 3]}, Random(2))

    stage.after(_TRANSACTION, turned_away)
    caller = stage.process()
    ticket = caller.reserve(order)
    stage.judge.provider_called(order, ticket.day)
    caller.settle(order, ticket)
    stage.judge.settled(order)


def a_slice_that_gives_room_begins_a_new_day() -> None:
    stage = Stage(_noon(15), environment=(80, 8_000))
    for piece in (0, 1, 2):
        stage.spend(20, piece)
    stage.before(_TRANSACTION, lambda: _spend_today_and_tomorrow(stage, piece=3))
    with suppress(BudgetExceeded):
        stage.spend(20, piece=0)


def _spend_today_and_tomorrow(stage: Stage, piece: int) -> None:
    _spend_alone(stage, 20, piece)
    _turn(stage, piece)


def a_slice_that_gives_room_spends_it(period: Period) -> None:
    environment = (80, 8_000) if period == "day" else (8_000, 80)
    stage = Stage(_noon(15), environment)
    for piece in (0, 1, 2):
        stage.spend(20, piece)
    stage.before(_TRANSACTION, lambda: _spend_alone(stage, 20, piece=3))
    with suppress(BudgetExceeded):
        stage.spend(20, piece=0)


def _spend_alone(stage: Stage, nano: int, piece: int) -> None:
    stage.spend(nano, piece, team="blue")


def a_raise_ends_that_one_slice_has_spent(period: Period) -> None:
    stage = _raised_and_spent(period)
    _spend_what_is_left(stage)


def a_slice_spends_while_a_raise_ends(period: Period) -> None:
    stage = _raised_and_spent(period)
    stage.before(_TRANSACTION, lambda: _spend_alone_before_the_end(stage))
    _spend_what_is_left(stage)


def a_slice_begins_a_new_day_while_a_raise_ends() -> None:
    stage = _raised_and_spent("day")
    stage.before(_TRANSACTION, lambda: _spend_and_turn(stage))
    for piece in (2, 3, 3):
        with suppress(BudgetExceeded):
            stage.spend(10, piece)


def a_raise_ends_for_two_at_once() -> None:
    stage = Stage(_noon(15), environment=(80, 8_000))
    _raise(stage, "day", by=10, until=int(_noon(15) + 60))
    stage.clock.now += 61
    stage.before(_TRANSACTION, lambda: _end_raise(stage))
    _end_raise(stage)


def _raised_and_spent(period: Period) -> Stage:
    """A raise of 10 for each slice of 20 has ended; slice 0 has spent 30 and slice 2 has 10."""
    environment = (80, 8_000) if period == "day" else (8_000, 80)
    stage = Stage(_noon(15), environment)
    _raise(stage, period, by=10, until=int(_noon(15) + 60))
    stage.spend(30, piece=0)
    stage.spend(10, piece=2)
    stage.clock.now += 61
    return stage


def _raise(stage: Stage, period: Period, by: int, until: int) -> None:
    def raised(budget: Budget) -> Budget:
        counter = budget.counter(period)
        more = replace(counter, avail=counter.avail + by, raised=by, raised_until=until)
        return replace(budget, day=more) if period == "day" else replace(budget, month=more)

    changes = [(seen, raised(seen)) for seen in stage.process().holding.slices()]
    stage.client.transact_write_items(TransactItems=write_of(changes))


def _spend_alone_before_the_end(stage: Stage) -> None:
    stage.spend(30, piece=1, team="blue", skew=-61)


def _spend_and_turn(stage: Stage) -> None:
    """Slice 1 spends its day, and a process a day ahead begins the next, the raise still on."""
    _spend_alone_before_the_end(stage)
    _turn(stage, piece=1)


def _turn(stage: Stage, piece: int) -> None:
    ledger = stage.process().holding._ledger
    [seen] = ledger.read_budgets([slice_scope(piece)]).values()
    ledger.take_step(seen, Roll("2026-11-16"))


def _end_raise(stage: Stage) -> None:
    stage.process().holding.slices()


def _spend_what_is_left(stage: Stage) -> None:
    for piece in (0, 1, 2, 3):
        for nano in (10, 10, 10):
            with suppress(BudgetExceeded):
                stage.spend(nano, piece)


Scene = Callable[[], None]
_BY_PERIOD: dict[str, Callable[[Period], None]] = {
    "a slice that gives room spends it": a_slice_that_gives_room_spends_it,
    "a raise ends that one slice has spent": a_raise_ends_that_one_slice_has_spent,
    "a slice spends while a raise ends": a_slice_spends_while_a_raise_ends,
}
_PERIODS: tuple[Period, ...] = ("day", "month")

SCENES: dict[str, Scene] = {
    "a month turns between two tries of a settlement": (
        a_month_turns_between_two_tries_of_a_settlement
    ),
    "a reservation lands in vain as the day turns": a_reservation_lands_in_vain_as_the_day_turns,
    "a slice that gives room begins a new day": a_slice_that_gives_room_begins_a_new_day,
    "a slice begins a new day while a raise ends": a_slice_begins_a_new_day_while_a_raise_ends,
    "a raise ends for two at once": a_raise_ends_for_two_at_once,
} | {
    f"{name}, by {period}": partial(scene, period)
    for name, scene in _BY_PERIOD.items()
    for period in _PERIODS
}
