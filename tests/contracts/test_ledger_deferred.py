"""What holds promise to deferred calls, whose money is settled hours later, by another process."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import Position
from shared.domain.budgets.movements import SETTLE
from shared.domain.errors import StoreUnavailable
from shared.usecases.jobs.late_rows import LateRows
from tests.contracts.test_ledger import (
    OWN,
    SETTLED,
    TEAM,
    Place,
    bench_on,
    capped,
    dynamo,
    parts,
    place,
)

__all__ = ["dynamo", "place"]


def test_a_deferred_call_is_not_one_of_many_at_once_and_its_tokens_are_of_no_minute(
    place: Place,
) -> None:
    bench = bench_on(place, limits=KeyLimits(in_flight=1, tokens_per_minute=5))
    waiting = [bench.reserve(10, variant="batch") for _ in range(3)]
    assert bench.budget(OWN).in_flight == 0
    bench.reserve(1)
    bench.holding.settle_later(waiting[0].hold, SETTLED)
    assert (bench.budget(OWN).in_flight, bench.budget(OWN).minute_tokens) == (1, 0)
    bench.reserve(1, variant="batch")


def test_a_hold_is_settled_on_a_later_day_into_its_own(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001", "0.00001"))
    opened = bench.reserve(400, variant="batch")
    bench.time[0] += 20 * 3600
    bench.reserve(100)
    bench.holding.settle_later(opened.hold, SETTLED)
    bench.holding.settle_later(opened.hold, SETTLED)
    budget = bench.budget(TEAM)
    assert parts(budget) == (900, 0, 100, 0)
    assert (budget.month.spent, budget.month.held) == (300, 100)
    [row] = place.ledger.usage_rows("search", "2026-11-22T00", "2026-11-23")
    assert (row.day, row.settlement.cost_nano, row.entry.variant) == ("2026-11-22", 300, "batch")
    assert bench.all_balanced()


def test_a_hold_is_given_back_once_whatever_became_of_it(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened, settled, expired = (bench.reserve(100, variant="batch") for _ in range(3))
    bench.holding.settle_later(settled.hold, dataclasses.replace(SETTLED, cost_nano=30))
    bench.time[0] += 961
    bench.holding.expire(expired.hold)
    assert parts(bench.budget(TEAM)) == (770, 130, 100, 100)
    for each in (opened, settled, expired, opened, settled, expired):
        bench.holding.release(each.hold)
    assert parts(bench.budget(TEAM)) == (970, 30, 0, 0)
    assert bench.all_balanced()


def test_what_was_billed_after_its_hold_was_given_back_is_charged_all_the_same(
    place: Place,
) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened = bench.reserve(400, variant="batch")
    bench.holding.release(opened.hold)
    bench.holding.settle_later(opened.hold, SETTLED)
    bench.holding.settle_later(opened.hold, SETTLED)
    assert parts(bench.budget(TEAM)) == (700, 300, 0, 0)
    assert place.rows() == [("req_1", "answered", 300)]
    assert bench.all_balanced()


def test_a_place_is_closed_for_good_or_its_hold_is_known(place: Place) -> None:
    bench = bench_on(place)
    opened = bench.reserve(400, variant="batch")
    hold = opened.hold
    closed = bench.holding.close_place("search", hold.entry.request_id, 1, hold.expires_at)
    assert closed == hold
    bench.number += 1
    assert bench.holding.close_place("search", "req_3", 1, int(bench.time[0]) + 960) is None
    assert bench.holding.close_place("search", "req_3", 1, int(bench.time[0]) + 960) is None
    with pytest.raises(StoreUnavailable):
        bench.reserve(400)
    assert bench.budget(TEAM).day.held == 400


def test_an_hour_that_is_over_is_opened_again_once_for_many_late_rows(place: Place) -> None:
    bench = bench_on(place)
    holds = [bench.reserve(10, variant="batch").hold for _ in range(3)]
    late = LateRows(place.ledger, lambda: bench.time[0])
    late.expect(holds)
    assert place.ledger.hours("search", "2026-11-22") == {}, "the hour is not over"
    bench.time[0] += 5 * 3600
    late.expect(holds)
    late.expect(holds)
    hours = place.ledger.hours("search", "2026-11-22")
    assert {hour: each.revision for hour, each in hours.items()} == {
        "2026-11-22T11": 1,
        "2026-11-22T12": 1,
    }
    assert hours["2026-11-22T12"].open_until > bench.time[0]


def test_a_deferred_settlement_finds_what_another_has_written(place: Any) -> None:
    bench = bench_on(place)
    opened = bench.reserve(400, variant="batch")
    assert place.ledger.end(opened.hold, SETTLED, SETTLE, Position()) is None
    bench.holding.settle_later(opened.hold, dataclasses.replace(SETTLED, cost_nano=1))
    assert place.rows() == [("req_1", "answered", 300)]
