"""Every scene by its name: each needs something of the ledger, and breaks a rule without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from shared.domain.budgets import PERIODS, Period
from tests.simulation import scenes_of_calls as calls
from tests.simulation import scenes_of_slices as slices
from tests.simulation.scenes_of_calls import Play

_ONCE: tuple[Play, ...] = (
    calls.a_month_turns_between_two_tries_of_a_settlement,
    calls.a_reservation_lands_in_vain_as_the_day_turns,
    calls.a_reservation_arrives_after_it_was_given_up,
    calls.a_reservation_arrives_again_after_its_settlement,
    calls.a_reservation_arrives_again_after_its_expiry,
    calls.a_reservation_arrives_again_before_a_late_settlement,
    calls.a_late_settlement_is_sent_twice,
    calls.a_day_turns_between_reading_and_reserving,
    calls.two_calls_want_the_last_place_of_a_key,
    calls.two_calls_want_the_last_call_of_a_minute,
    calls.a_call_uses_the_last_tokens_of_a_minute_while_another_wants_them,
    calls.a_team_opens_its_budget_twice,
    slices.a_slice_that_gives_room_begins_a_new_day,
    slices.a_slice_begins_a_new_day_while_a_raise_ends,
    slices.a_raise_ends_for_two_at_once,
    slices.a_raise_of_a_team_ends_for_two_at_once,
    slices.room_moves_as_a_slice_begins_a_new_day,
    slices.an_operator_ends_a_raise_as_days_differ,
)
_BY_PERIOD: tuple[Callable[[Period], None], ...] = (
    calls.two_calls_want_the_last_room,
    slices.a_slice_that_gives_room_spends_it,
    slices.a_raise_ends_that_one_slice_has_spent,
    slices.a_slice_spends_while_a_raise_ends,
)


def _named(function: Callable[..., None]) -> str:
    return function.__name__.replace("_", " ")


SCENES: dict[str, Play] = {_named(scene): scene for scene in _ONCE} | {
    f"{_named(scene)}, by {period}": partial(scene, period)
    for scene in _BY_PERIOD
    for period in PERIODS
}
