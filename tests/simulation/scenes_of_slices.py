"""Scenes of slices: room that moves, raises that end, days that begin, all at the same time."""

from __future__ import annotations

from contextlib import suppress

from shared.domain.budgets import Budget, Period, Roll
from shared.domain.budgets.changes import Raise, SetTerms
from shared.domain.budgets.scopes import slice_scope
from shared.domain.errors import BudgetExceeded
from tests.simulation.scenes_of_calls import TRANSACTION, noon
from tests.simulation.stage import Stage


def a_slice_that_gives_room_begins_a_new_day() -> None:
    stage = Stage(noon(15), environment=(80, 8_000))
    for piece in (0, 1, 2):
        stage.spend(20, piece)
    stage.before(TRANSACTION, lambda: _spend_today_and_tomorrow(stage, piece=3))
    with suppress(BudgetExceeded):
        stage.spend(20, piece=0)


def _spend_today_and_tomorrow(stage: Stage, piece: int) -> None:
    _spend_alone(stage, 20, piece)
    _turn(stage, piece)


def a_slice_that_gives_room_spends_it(period: Period) -> None:
    environment = (80, 8_000) if period == "day" else (8_000, 80)
    stage = Stage(noon(15), environment)
    for piece in (0, 1, 2):
        stage.spend(20, piece)
    stage.before(TRANSACTION, lambda: _spend_alone(stage, 20, piece=3))
    with suppress(BudgetExceeded):
        stage.spend(20, piece=0)


def _spend_alone(stage: Stage, nano: int, piece: int) -> None:
    stage.spend(nano, piece, team="blue")


def a_raise_ends_that_one_slice_has_spent(period: Period) -> None:
    stage = _raised_and_spent(period)
    _spend_what_is_left(stage, pieces=(1, 2, 3, 0))


def a_slice_spends_while_a_raise_ends(period: Period) -> None:
    stage = _raised_and_spent(period)
    stage.before(TRANSACTION, lambda: _spend_alone_before_the_end(stage))
    _spend_what_is_left(stage, pieces=(0, 1, 2, 3))


def a_slice_begins_a_new_day_while_a_raise_ends() -> None:
    stage = _raised_and_spent("day")
    stage.before(TRANSACTION, lambda: _spend_and_turn(stage))
    for piece in (2, 3, 3):
        with suppress(BudgetExceeded):
            stage.spend(10, piece)


def a_raise_ends_for_two_at_once() -> None:
    stage = Stage(noon(15), environment=(80, 8_000))
    _raise(stage, "day", by=10, until=int(noon(15) + 60))
    stage.clock.now += 61
    stage.before(TRANSACTION, lambda: _end_raise(stage))
    _end_raise(stage)


def _raised_and_spent(period: Period) -> Stage:
    """A raise of 10 for each slice of 20 has ended; slice 0 has spent 30 and slice 2 has 10."""
    environment = (80, 8_000) if period == "day" else (8_000, 80)
    stage = Stage(noon(15), environment)
    _raise(stage, period, by=10, until=int(noon(15) + 60))
    stage.spend(30, piece=0)
    stage.spend(10, piece=2)
    stage.clock.now += 61
    return stage


def _raise(stage: Stage, period: Period, by: int, until: int) -> None:
    stage.operator().change("environment", Raise(period, 4 * by, until), "a scene")


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


def _spend_what_is_left(stage: Stage, pieces: tuple[int, ...]) -> None:
    for piece in pieces:
        for nano in (10, 10, 10):
            with suppress(BudgetExceeded):
                stage.spend(nano, piece)


def a_raise_of_a_team_ends_for_two_at_once() -> None:
    stage = Stage(noon(15))
    stage.spend(1, piece=0)
    stage.operator().change("team:red", Raise("day", 5, int(noon(15) + 60)), "a scene")
    stage.clock.now += 61
    stage.before("UpdateItem", lambda: _spend_alike(stage))
    stage.spend(1, piece=1)


def _spend_alike(stage: Stage) -> None:
    stage.spend(1, piece=2)


def room_moves_as_a_slice_begins_a_new_day() -> None:
    stage = Stage(noon(15), environment=(80, 8_000))
    first, second, *_ = stage.process().holding.slices()
    ledger = stage.process().holding._ledger
    stage.before("UpdateItem", lambda: _move(stage, second, first))
    ledger.take_step(first, Roll("2026-11-16"))


def _move(stage: Stage, into: Budget, giving: Budget) -> None:
    stage.process().holding._ledger.move_room(into, [(giving, 5, 0)])


def an_operator_ends_a_raise_as_days_differ() -> None:
    stage = Stage(noon(15), environment=(80, 8_000))
    _raise(stage, "day", by=10, until=int(noon(15) + 60))
    stage.spend(30, piece=0)
    stage.spend(30, piece=1)
    _turn(stage, piece=1)
    stage.clock.now += 61
    stage.before("UpdateItem", lambda: _spend_locally(stage))
    stage.operator().change("environment", SetTerms(on_limit="stop"), "a scene")


def _spend_locally(stage: Stage) -> None:
    for piece in (2, 3):
        with suppress(BudgetExceeded):
            stage.spend(20, piece)
