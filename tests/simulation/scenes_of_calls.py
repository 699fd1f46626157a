"""Scenes of calls: what meets a reservation or an ending on its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from botocore.exceptions import ConnectTimeoutError

from shared.domain.budgets import Period, Roll
from shared.domain.budgets.scopes import slice_scope, team_scope
from shared.domain.errors import KeyLimited, StoreUnavailable
from tests.simulation.calls import conflict
from tests.simulation.dice import dice
from tests.simulation.stage import Stage

DAY = 86_400.0
TRANSACTION = "TransactWriteItems"
Play = Callable[[], None]


def noon(day: int) -> float:
    """Return noon of a day in November 2026, in epoch seconds."""
    return datetime(2026, 11, day, 12, tzinfo=UTC).timestamp()


def _nothing() -> None:
    return


def a_month_turns_between_two_tries_of_a_settlement() -> None:
    stage = Stage(noon(29))
    slow = stage.process()
    order = stage.order(20, cost=5)
    ticket = slow.reserve(order)
    stage.spend(1, piece=0, skew=DAY)
    stage.before(TRANSACTION, _nothing)
    stage.before(TRANSACTION, lambda: _spend_in_december(stage))
    slow.settle(order, ticket)


def _spend_in_december(stage: Stage) -> None:
    stage.spend(1, piece=0, skew=2 * DAY)


def a_reservation_lands_in_vain_as_the_day_turns() -> None:
    stage = Stage(noon(15))
    order = stage.order(20, cost=5)

    def turned_away() -> None:
        stage.clock.now += DAY
        raise conflict(TRANSACTION, {"TransactItems": [0, 1, 2, 3, 4]}, dice("turned away"))

    stage.after(TRANSACTION, turned_away)
    caller = stage.process()
    ticket = caller.reserve(order)
    stage.judge.provider_called(order, ticket.day)
    caller.settle(order, ticket)
    stage.judge.settled(order)


def a_reservation_arrives_after_it_was_given_up() -> None:
    stage = Stage(noon(15))
    late: list[Play] = []

    def lose() -> None:
        late.append(stage.lose())
        raise ConnectTimeoutError(endpoint_url="")

    stage.before(TRANSACTION, lose)
    with suppress(StoreUnavailable):
        stage.process().reserve(stage.order(20))
    late[0]()
    stage.judge.check_end()


def a_reservation_arrives_again_after_its_settlement() -> None:
    stage, settle, arrive = _reserved_and_to_arrive_again()
    settle()
    arrive()
    _sweep_late(stage)
    _check_endings(stage, ["settle", "drop_settled"])


def a_reservation_arrives_again_after_its_expiry() -> None:
    stage, settle, arrive = _reserved_and_to_arrive_again()
    _sweep_late(stage)
    arrive()
    _sweep_late(stage)
    settle()
    _check_endings(stage, ["expire", "drop_expired", "settle_late"])


def a_reservation_arrives_again_before_a_late_settlement() -> None:
    stage, settle, arrive = _reserved_and_to_arrive_again()
    _sweep_late(stage)
    arrive()
    settle()
    _check_endings(stage, ["expire", "settle_twice_held"])
    stage.judge.check_end()


def _check_endings(stage: Stage, wanted: list[str]) -> None:
    assert stage.noticed == wanted, f"ended by {stage.noticed}, not by {wanted}"


def _reserved_and_to_arrive_again() -> tuple[Stage, Play, Play]:
    """Return a stage with a hold, how it is settled, and how its reservation arrives again.

    It is not the first of its minute: the copy of one that is would be refused for that alone.
    """
    stage = Stage(noon(15))
    first = stage.order(1)
    stage.process().settle(first, stage.process().reserve(first))
    stage.noticed.clear()
    copies: list[Play] = []
    stage.after(TRANSACTION, lambda: copies.append(stage.lose()))
    order = stage.order(20, cost=5)
    caller = stage.process()
    ticket = caller.reserve(order)
    stage.judge.provider_called(order, ticket.day)

    def settle() -> None:
        caller.settle(order, ticket)
        stage.judge.settled(order)

    return stage, settle, copies[0]


def _sweep_late(stage: Stage) -> None:
    stage.process(skew=20 * DAY).sweep("red")
    stage.judge.check_end()


def a_late_settlement_is_sent_twice() -> None:
    stage = Stage(noon(15))
    order = stage.order(20, cost=5)
    caller = stage.process()
    ticket = caller.reserve(order)
    _sweep_late(stage)
    stage.after(TRANSACTION, _turn_away)
    caller.settle(order, ticket)
    stage.judge.settled(order)


def _turn_away() -> None:
    raise conflict(TRANSACTION, {"TransactItems": [0, 1, 2, 3, 4]}, dice("turned away"))


def a_day_turns_between_reading_and_reserving() -> None:
    stage = Stage(noon(15))
    stage.spend(1, piece=0)
    stage.before(TRANSACTION, lambda: turn(stage, piece=0))
    stage.spend(20, piece=0)


def two_calls_want_the_last_room(period: Period) -> None:
    stage = Stage(noon(15), (80, 8_000) if period == "day" else (8_000, 80))
    stage.before(TRANSACTION, lambda: _spend_elsewhere(stage))
    stage.spend(20, piece=0)


def _spend_elsewhere(stage: Stage) -> None:
    stage.spend(20, piece=0, team="blue")


def two_calls_want_the_last_place_of_a_key() -> None:
    stage = Stage(noon(15), in_flight=2)
    stage.spend(1, piece=0)
    _two_calls_of_a_key(stage)


def two_calls_want_the_last_call_of_a_minute() -> None:
    stage = Stage(noon(15), requests=2)
    stage.spend(1, piece=0)
    _two_calls_of_a_key(stage)


def a_call_uses_the_last_tokens_of_a_minute_while_another_wants_them() -> None:
    stage = Stage(noon(15), tokens=10)
    first = stage.order(1, tokens=10)
    caller = stage.process()
    ticket = caller.reserve(first)
    stage.judge.provider_called(first, ticket.day)
    stage.before(TRANSACTION, lambda: caller.settle(first, ticket))
    with suppress(KeyLimited):
        stage.spend(1, piece=1)


def _two_calls_of_a_key(stage: Stage) -> None:
    stage.before(TRANSACTION, lambda: _spend_alike(stage))
    with suppress(KeyLimited):
        stage.spend(1, piece=1)


def _spend_alike(stage: Stage) -> None:
    stage.spend(1, piece=2)


def a_team_opens_its_budget_twice() -> None:
    stage = Stage(noon(15))
    stage.before("PutItem", _nothing)
    stage.before("PutItem", lambda: _spend_alike(stage))
    stage.spend(1, piece=0)


def turn(stage: Stage, piece: int) -> None:
    """Let a slice and the red team begin the next day."""
    ledger = stage.process().holding._ledger
    scopes = [slice_scope(piece), team_scope("red")]
    for seen in ledger.read_budgets(scopes).values():
        ledger.take_step(seen, Roll("2026-11-16"))
