"""The ledger with one thing wrong at a time: every condition taken away, and some ideas undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from shared.adapters.dynamodb.conditions import CONDITIONS
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.domain.budgets import Hold, movements, refusals
from shared.domain.budgets import slices as room
from shared.domain.budgets.movements import ABANDON, Ending, Movement
from shared.usecases import holding
from shared.usecases.holding import Holding

Mutation = Callable[[], AbstractContextManager[Any]]

_ALWAYS = "attribute_exists(pk) OR attribute_not_exists(pk)"


@contextmanager
def without_condition(name: str) -> Iterator[None]:
    """Let a condition hold always; its placeholders stay in use."""
    before = CONDITIONS[name]
    CONDITIONS[name] = f"({before}) OR {_ALWAYS}"
    try:
        yield
    finally:
        CONDITIONS[name] = before


def _refund(hold_stands: bool, row: movements.RowState) -> Ending | None:
    """An expired hold is given back instead of charged."""
    usual = movements.expiring(hold_stands, row)
    return ABANDON if usual is movements.EXPIRE else usual


def _ignore_held(ending: Ending, held: int, real: int) -> Movement:
    """A settlement spends and leaves what was held where it is."""
    return Movement(avail=-real, spent=real)


def _forget_late(hold_stands: bool, row: movements.RowState) -> Ending | None:
    """A settlement after the expiry is taken for done."""
    return None if row == "expired" else movements.settling(hold_stands, row)


def _charge_twice(hold_stands: bool, row: movements.RowState) -> Ending | None:
    """A late settlement charges and gives nothing back."""
    usual = movements.settling(hold_stands, row)
    return dataclasses.replace(usual, gives_back_expired=False) if usual else None


def _leave(*_: object) -> None:
    """What was asked for is not done."""


STRUCTURAL: dict[str, Mutation] = {
    "an expired hold is refunded": lambda: patch.object(holding, "expiring", _refund),
    "a settlement ignores what was held": lambda: patch.object(Ending, "movement", _ignore_held),
    "a late settlement is forgotten": lambda: patch.object(holding, "settling", _forget_late),
    "a late settlement charges twice": lambda: patch.object(holding, "settling", _charge_twice),
    "a reservation sent twice is not its own": lambda: patch.object(
        DynamoLedger, "_own_hold", lambda *_: {}
    ),
    "a standing hold is taken for the new one": lambda: patch.object(
        DynamoLedger, "reserve", _reserve_as_asked
    ),
    "a closed day is settled into": lambda: patch.object(
        Hold, "periods_in", lambda *_: ("day", "month")
    ),
    "a lost reservation is not taken back": lambda: patch.object(Holding, "_abandon", _leave),
    "a late reservation is not barred": lambda: patch.object(DynamoLedger, "bar", _leave),
    "slices are not levelled": lambda: patch.object(holding, "lowered", _lowered_alone),
    "a freeze is not looked at": lambda: patch.object(holding, "refusal", _unfrozen),
}

_reserve = DynamoLedger.reserve


def _reserve_as_asked(self: DynamoLedger, hold: Hold, *rest: Any) -> Any:
    found = _reserve(self, hold, *rest)
    return hold if isinstance(found, Hold) else found


def _lowered_alone(slices: Any, now: float) -> Any:
    with patch.object(room, "levelled", list):
        return room.lowered(slices, now)


def _unfrozen(budgets: Any, *rest: Any) -> Any:
    thawed = [dataclasses.replace(budget, frozen_because=None) for budget in budgets]
    return refusals.refusal(thawed, *rest)


def mutations() -> dict[str, Mutation]:
    """Return every mutation by its name."""
    conditions = {name: lambda name=name: without_condition(name) for name in CONDITIONS}
    return conditions | STRUCTURAL


SUPERFLUOUS = {
    "reserve.month": "a budget's month is that of its day at every step, and the day is asked for",
    "reserve.same_minute": "a call of a minute gone by counts in the next one, within its limits",
    "end.row_settled": "a settled row never changes again, and the hold itself is asked for",
    "move.terms": "room moves with its cap, so sums stay, and no donor is left below nothing",
    "move.month": "a budget's month is that of its day at every step, and the day is asked for",
}
"""Conditions without which nothing breaks, and why."""
