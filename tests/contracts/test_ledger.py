"""What ``Ledger`` promises, on the fake and on DynamoDB (moto) alike, through ``Holding``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
import pytest
from moto import mock_aws

from local.aws.moto_patches import apply_moto_patches
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.memory_ledger import MemoryLedger
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import Budget, Hold, OpenHold, Position, Scope
from shared.domain.budgets.movements import EXPIRE, SETTLE
from shared.domain.budgets.refusals import HoldLimits, together
from shared.domain.budgets.scopes import all_slices, key_scope, team_scope
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.entries import Entry, KeyRow, Settlement
from shared.domain.errors import (
    BudgetExceeded,
    CallTooDear,
    GatewayError,
    KeyLimited,
    StoreUnavailable,
)
from shared.domain.prices import TokenCounts
from shared.resources import LEDGER_TABLE
from shared.usecases.holding import Holding, HoldPolicy, Wanted
from tests.contracts.test_store import ENTRY, create_table

NOON = 1_795_348_800.0
"""2026-11-22 12:00 UTC."""
KEY = KeyRow("search.1", "dev", "search", "d" * 64, "web", 100)
TEAM, OWN = team_scope("search"), key_scope("search", KEY.digest)
SETTLED = Settlement("answered", TokenCounts(input=10, output=5), "provider", 300, 900)


class Place(Protocol):
    """A ledger, and what its rows say."""

    ledger: Any

    def rows(self) -> list[tuple[str, str, int]]: ...


@dataclass
class InMemory:
    ledger: MemoryLedger

    def rows(self) -> list[tuple[str, str, int]]:
        return sorted(
            (rid, row.outcome, row.cost_nano) for (rid, _), row in self.ledger.rows.items()
        )


@dataclass
class OnDynamo:
    ledger: DynamoLedger
    client: Any

    def rows(self) -> list[tuple[str, str, int]]:
        items = self.client.scan(TableName="ledger")["Items"]
        return sorted(
            (item["request_id"]["S"], item["status"]["S"], int(item["cost_nano"]["N"]))
            for item in items
            if "/usage/" in item["pk"]["S"] and "status" in item
        )


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnDynamo]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    apply_moto_patches()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "ledger", LEDGER_TABLE)
        yield OnDynamo(DynamoLedger(client, "ledger", lambda *_: None), client)


@pytest.fixture(params=["memory", "dynamodb"])
def place(request: pytest.FixtureRequest) -> Any:
    return (
        InMemory(MemoryLedger()) if request.param == "memory" else request.getfixturevalue("dynamo")
    )


@dataclass
class Bench:
    """A holding on a ledger, with a clock that is set by hand."""

    place: Place
    holding: Holding
    time: list[float]
    number: int = 0

    def reserve(self, nano: int, key: KeyRow = KEY, **entry: Any) -> OpenHold:
        self.number += 1
        named: Entry = dataclasses.replace(
            ENTRY, request_id=f"req_{self.number}", opened_at=self.time[0], **entry
        )
        wanted = Wanted(named, key, nano, expires_at=int(self.time[0]) + 960)
        return self.holding.reserve(wanted, None)

    def refused(self, nano: int, key: KeyRow = KEY) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.reserve(nano, key)
        return caught.value

    def budget(self, scope: Scope) -> Budget:
        found: Budget = self.place.ledger.read_budgets([scope])[scope]
        return found

    def environment(self) -> Budget:
        return together(list(self.place.ledger.read_budgets(all_slices()).values()))

    def all_balanced(self) -> bool:
        found = self.place.ledger.read_budgets([*all_slices(), TEAM, OWN]).values()
        return all(counter.is_balanced for budget in found for _, counter in budget.counters)


def bench_on(
    place: Place, *, share: int = 100, limits: KeyLimits | None = None, **seeds: Seed
) -> Bench:
    time = [NOON]
    policy = HoldPolicy(Seeds(**seeds), share, limits or KeyLimits())  # type: ignore[arg-type]
    return Bench(place, Holding(place.ledger, lambda: time[0], policy, lambda _: None), time)


def capped(day: str | None = None, month: str | None = None, **more: Any) -> Seed:
    return Seed(day_usd=day, month_usd=month, **more)


def parts(budget: Budget) -> tuple[int, int, int, int]:
    day = budget.day
    return day.avail, day.spent, day.held, day.doubt


def test_money_is_held_in_every_scope_and_settled_at_the_real_cost(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"), key=capped("0.000001"))
    opened = bench.reserve(400)
    assert [parts(bench.budget(scope)) for scope in (TEAM, OWN)] == [(600, 0, 400, 0)] * 2
    assert bench.environment().day.held == 400
    assert (opened.remaining_nano, bench.budget(OWN).in_flight) == (600, 1)
    bench.holding.settle(opened, SETTLED)
    assert [parts(bench.budget(scope)) for scope in (TEAM, OWN)] == [(700, 300, 0, 0)] * 2
    assert bench.environment().day.spent == bench.environment().month.spent == 300
    assert bench.budget(OWN).in_flight == 0
    assert bench.budget(OWN).minute_tokens == 15
    assert place.rows() == [("req_1", "answered", 300)]
    assert bench.all_balanced()


def test_what_does_not_fit_is_held_nowhere(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"), key=capped("0.000002"))
    bench.reserve(900)
    error = bench.refused(101)
    assert isinstance(error, BudgetExceeded)
    assert error.facts == {
        "budget": "team:search:day", "cap_usd": "0.000001", "spent_usd": "0",
        "held_usd": "0.0000009", "reset_at": "2026-11-23T00:00:00Z", "call_usd": "0.000000101",
    }  # fmt: skip
    assert bench.budget(OWN).day.held == 900
    assert bench.budget(OWN).in_flight == 1
    bench.reserve(100)


def test_exactly_as_much_is_granted_as_there_is_across_the_slices(place: Place) -> None:
    bench = bench_on(place, environment=capped("0.000001003", on_limit="stop"))
    granted = 0
    while granted < 1000:
        try:
            bench.reserve(17)
        except BudgetExceeded as error:
            assert error.facts["budget"] == "environment:day"  # noqa: PT017
            break
        granted += 1
    assert granted == 1003 // 17
    assert bench.environment().day.avail == 1003 % 17
    assert bench.all_balanced()


def test_a_warning_budget_counts_and_refuses_nothing(place: Place) -> None:
    bench = bench_on(place, team=capped("0.0000001", on_limit="warn"))
    opened = bench.reserve(400)
    bench.holding.settle(opened, SETTLED)
    assert parts(bench.budget(TEAM)) == (-200, 300, 0, 0)


def test_one_call_may_take_its_share_and_no_more(place: Place) -> None:
    bench = bench_on(place, share=25, key=capped("0.000001"), environment=capped("0.00001"))
    assert isinstance(bench.refused(251), CallTooDear)
    bench.reserve(250)
    del bench
    bench = bench_on(place, share=25, environment=capped("0.00001"))
    assert "environment" in bench.refused(2501, dataclasses.replace(KEY, digest="e" * 64)).message


def test_a_hold_that_nobody_settles_is_charged_in_full_and_in_doubt(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened = bench.reserve(400)
    assert bench.holding.expired("search") == []
    bench.time[0] += 961
    [hold] = bench.holding.expired("search")
    assert hold == opened.hold
    bench.holding.expire(hold)
    bench.holding.expire(hold)
    assert parts(bench.budget(TEAM)) == (600, 400, 0, 400)
    assert bench.budget(OWN).in_flight == 0
    assert place.rows() == [("req_1", "expired", 400)]
    bench.holding.settle(opened, SETTLED)
    bench.holding.settle(opened, SETTLED)
    assert parts(bench.budget(TEAM)) == (700, 300, 0, 0)
    assert place.rows() == [("req_1", "answered", 300)]
    assert bench.all_balanced()


def test_a_settlement_is_counted_once(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened = bench.reserve(400)
    bench.holding.settle(opened, SETTLED)
    bench.holding.settle(opened, dataclasses.replace(SETTLED, cost_nano=1))
    bench.holding.expire(opened.hold)
    assert parts(bench.budget(TEAM)) == (700, 300, 0, 0)


def test_a_reservation_that_comes_back_after_the_settlement_is_given_back(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened = bench.reserve(400)
    seen = list(place.ledger.read_budgets(opened.hold.scopes).values())
    bench.holding.settle(opened, SETTLED)
    again = place.ledger.reserve(opened.hold, seen, HoldLimits(100), NOON)
    assert again == opened.hold
    bench.holding.expire(opened.hold)
    assert parts(bench.budget(TEAM)) == (700, 300, 0, 0)
    assert bench.budget(OWN).in_flight == 0
    assert place.rows() == [("req_1", "answered", 300)]


def test_a_reservation_that_comes_back_after_it_expired_is_settled_once(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    opened = bench.reserve(400)
    seen = list(place.ledger.read_budgets(opened.hold.scopes).values())
    bench.time[0] += 961
    bench.holding.expire(opened.hold)
    assert place.ledger.reserve(opened.hold, seen, HoldLimits(100), NOON) == opened.hold
    bench.holding.settle(opened, SETTLED)
    assert parts(bench.budget(TEAM)) == (700, 300, 0, 0)
    assert bench.all_balanced()


def test_an_ending_finds_out_where_the_hold_stands(place: Place) -> None:
    bench = bench_on(place)
    opened = bench.reserve(400)
    place.ledger.end(opened.hold, SETTLED, SETTLE, Position())
    found = place.ledger.end(opened.hold, SETTLED, EXPIRE, Position())
    assert (found.hold_stands, found.row) == (False, "settled")


def test_a_new_day_begins_with_the_whole_cap_and_the_month_goes_on(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001", "0.00001"))
    opened, late = bench.reserve(400), bench.reserve(600)
    bench.holding.settle(opened, SETTLED)
    assert isinstance(bench.refused(500), BudgetExceeded)
    bench.time[0] += 12 * 3600
    bench.reserve(500)
    budget = bench.budget(TEAM)
    assert (budget.day.label, parts(budget)) == ("2026-11-23", (500, 0, 500, 0))
    assert (budget.month.spent, budget.month.held) == (300, 1100)
    bench.holding.settle(late, SETTLED)
    budget = bench.budget(TEAM)
    assert parts(budget) == (500, 0, 500, 0), "yesterday's call is no part of today"
    assert (budget.month.spent, budget.month.held) == (600, 500)
    assert bench.all_balanced()


def test_a_new_month_closes_the_old_one(place: Place) -> None:
    bench = bench_on(place, team=capped(month="0.00001"))
    late = bench.reserve(600)
    bench.time[0] += 9 * 24 * 3600
    bench.reserve(500)
    bench.holding.settle(late, SETTLED)
    budget = bench.budget(TEAM)
    assert (budget.month.label, budget.month.spent, budget.month.held) == ("2026-12", 0, 500)
    assert bench.budget(OWN).in_flight == 1
    assert bench.all_balanced()


def test_a_clock_that_is_behind_books_into_the_day_that_has_begun(place: Place) -> None:
    bench = bench_on(place, team=capped("0.000001"))
    bench.time[0] += 12 * 3600
    bench.reserve(900)
    bench.time[0] -= 3600
    assert isinstance(bench.refused(200), BudgetExceeded)
    assert bench.reserve(100).hold.day == "2026-11-23"


def test_calls_and_tokens_a_minute_and_calls_at_once_are_limited(place: Place) -> None:
    bench = bench_on(place, limits=KeyLimits(requests_per_minute=3, in_flight=2))
    first, _ = bench.reserve(1), bench.reserve(1)
    error = bench.refused(1)
    assert isinstance(error, KeyLimited)
    assert error.headers["retry-after"] == "1"
    bench.holding.settle(first, SETTLED)
    third = bench.reserve(1)
    bench.holding.settle(third, SETTLED)
    assert bench.refused(1).headers["retry-after"] == "60"
    bench.time[0] += 60
    bench.reserve(1)


def test_a_keys_own_limits_count_before_the_environments(place: Place) -> None:
    bench = bench_on(place, limits=KeyLimits(tokens_per_minute=1_000_000))
    key = dataclasses.replace(KEY, limits=KeyLimits(tokens_per_minute=15))
    bench.holding.settle(bench.reserve(400, key), SETTLED)
    assert isinstance(bench.refused(1, key), KeyLimited)
    bench.time[0] += 60
    bench.reserve(1, key)


def test_counting_tokens_holds_nothing_and_is_counted_with_the_key(place: Place) -> None:
    bench = bench_on(place, team=capped("0"))
    opened = bench.reserve(0)
    assert bench.budget(OWN).in_flight == 1
    bench.holding.settle(opened, Settlement("answered", TokenCounts(), "none", 0, 0))
    assert bench.budget(OWN).in_flight == 0


@pytest.mark.parametrize("moves", [0, 1, 30])
def test_room_moves_between_slices_with_its_cap(place: Place, moves: int) -> None:
    bench = bench_on(place, environment=capped("0.0000004"))
    for _ in range(moves):
        bench.holding.settle(bench.reserve(13), dataclasses.replace(SETTLED, cost_nano=13))
    bench.holding.slices()
    whole = bench.environment()
    assert (whole.day.cap, whole.day.spent) == (400, moves * 13)
    assert bench.all_balanced()


def test_a_lost_answer_is_taken_back(dynamo: OnDynamo, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_on(dynamo, team=capped("0.000001"))
    bench.reserve(100)
    real = dynamo.ledger.reserve

    def lost(*given: Any) -> Any:
        real(*given)
        raise StoreUnavailable("ledger")

    monkeypatch.setattr(dynamo.ledger, "reserve", lost)
    with pytest.raises(StoreUnavailable):
        bench.reserve(400)
    assert parts(bench.budget(TEAM)) == (900, 0, 100, 0)
    assert bench.budget(OWN).in_flight == 1


def test_a_reservation_that_is_still_on_its_way_is_barred(
    dynamo: OnDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_on(dynamo, team=capped("0.000001"))
    bench.reserve(100)
    real, held_up = dynamo.ledger.reserve, []

    def late(*given: Any) -> Any:
        held_up.append(given)
        raise StoreUnavailable("ledger")

    monkeypatch.setattr(dynamo.ledger, "reserve", late)
    with pytest.raises(StoreUnavailable):
        bench.reserve(400)
    with pytest.raises(StoreUnavailable):
        real(*held_up[0])
    assert parts(bench.budget(TEAM)) == (900, 0, 100, 0)
    bench.time[0] += 2000
    assert len(bench.holding.expired("search")) == 1


def test_a_ledger_that_is_away_is_told(dynamo: OnDynamo) -> None:
    bench = bench_on(dynamo)
    opened = bench.reserve(1)
    dynamo.client.delete_table(TableName="ledger")
    for work in (
        lambda: bench.reserve(1),
        lambda: bench.holding.settle(opened, SETTLED),
        lambda: bench.holding.expired("search"),
        bench.holding.slices,
        lambda: dynamo.ledger.bar(opened.hold),
    ):
        with pytest.raises(StoreUnavailable):
            work()


def test_a_hold_is_read_back_as_it_was_written(dynamo: OnDynamo) -> None:
    bench = bench_on(dynamo)
    opened = bench.reserve(7, tier=None, task="qa")
    bench.time[0] += 2000
    assert bench.holding.expired("search") == [opened.hold]
    assert isinstance(opened.hold, Hold)


def test_a_row_that_is_written_after_its_hour_opens_the_hour_and_the_one_before(
    place: Place,
) -> None:
    bench, ledger = bench_on(place), place.ledger
    late = bench.reserve(100)
    bench.time[0] += 3_700
    bench.holding.expire(late.hold)
    opened = ledger.hours("search", "2026-11-22")
    assert opened.keys() == {"2026-11-22T11", "2026-11-22T12"}
    assert ledger.days("search", "2026-11-22", "2026-11-22")["2026-11-22"].revision > 0
    before = opened["2026-11-22T12"].revision
    bench.holding.settle(late, SETTLED)
    assert ledger.hours("search", "2026-11-22")["2026-11-22T12"].revision > before


def test_a_call_that_thaws_after_its_hour_opens_it_and_one_that_ends_in_time_does_not(
    place: Place,
) -> None:
    bench, ledger = bench_on(place), place.ledger
    bench.time[0] += 3_500
    in_time, frozen = bench.reserve(100), bench.reserve(100)
    bench.time[0] = in_time.hold.expires_at - 1
    assert bench.time[0] % 3_600 < 3_500, "the hour is over"
    bench.holding.settle(in_time, SETTLED)
    assert ledger.hours("search", "2026-11-22") == {}
    bench.time[0] += 40_000
    bench.holding.settle(frozen, SETTLED)
    assert ledger.hours("search", "2026-11-22").keys() == {"2026-11-22T11", "2026-11-22T12"}


def test_a_hold_that_expires_within_its_hour_opens_nothing(place: Place) -> None:
    bench = bench_on(place)
    late = bench.reserve(100)
    bench.time[0] += 1_000
    bench.holding.expire(late.hold)
    assert place.ledger.hours("search", "2026-11-22") == {}
