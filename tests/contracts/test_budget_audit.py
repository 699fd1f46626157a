"""Sweeping and auditing, on the ledger in memory and on DynamoDB (moto) alike."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shared.domain.budgets import Budget, Counter, Hold, OpenHold
from shared.domain.budgets.changes import Freeze, Raise, SetTerms
from shared.domain.budgets.scopes import all_slices, slice_scope
from shared.domain.budgets.seeds import Seed
from shared.domain.errors import StoreUnavailable
from shared.usecases.budget_audit import MOST_SECONDS, Audited, Sweep
from tests.contracts.operators import DAY, KEY, NOON, OWN, TEAM, Bench, on_dynamo, settled
from tests.contracts.test_budget_admin import HOUR, Made, client, make

__all__ = ["client", "make"]


def spoil(bench: Bench, budget: Budget) -> None:
    """Write a budget that no movement of money could have led to."""
    if hasattr(bench.ledger, "budgets"):
        bench.ledger.budgets[budget.scope] = budget
        return
    from shared.adapters.dynamodb.budget_rows import budget_item

    bench.ledger._client.put_item(TableName="ledger", Item=budget_item(budget))


def with_day(budget: Budget, **parts: int) -> Budget:
    day = budget.day
    moved: Counter = dataclasses.replace(
        day, **{name: getattr(day, name) + by for name, by in parts.items()}
    )
    return dataclasses.replace(budget, day=moved)


def found(audited: Audited) -> list[tuple[str, str]]:
    return [(each.invariant, each.budget) for each in audited.findings]


def test_two_sweeps_at_once_charge_and_tell_once(make: Made) -> None:
    bench = make()
    bench.reserve(100)
    bench.time[0] += 961
    sweep, holding = bench.sweep, bench.holding
    seen = holding.expired("search")
    assert [hold.nano for hold in sweep().ended] == [100]
    assert [holding.expire(hold) for hold in seen] == [False]
    assert bench.charges == [100]


def test_a_sweep_leaves_off_when_time_is_up_and_the_next_goes_on(make: Made) -> None:
    bench = make()
    for nano in (100, 200):
        bench.reserve(nano)
    bench.time[0] += 961
    seconds = iter([0.0, 1.0, MOST_SECONDS + 1])
    cut = Sweep(bench.holding, bench.admin, lambda: next(seconds))()
    assert (len(cut.ended), cut.is_cut) == (1, True)
    swept = bench.sweep()
    assert (len(swept.ended), swept.is_cut) == (1, False)


def test_a_sweep_charges_what_nobody_settled_in_full_and_in_doubt(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.reserve(400)
    assert bench.sweep().ended == ()
    bench.time[0] += 961
    swept = bench.sweep()
    assert [(hold.entry.request_id, hold.nano) for hold in swept.ended] == [("req_1", 400)]
    assert swept.left == ()
    day = bench.budget(TEAM).day
    assert (day.avail, day.spent, day.held, day.doubt) == (600, 400, 0, 400)
    assert bench.sweep().ended == ()


def test_a_hold_that_is_contended_does_not_keep_the_others_waiting(make: Made) -> None:
    bench = make()
    stuck: OpenHold = bench.reserve(400)
    bench.reserve(300)
    bench.time[0] += 961
    end = bench.ledger.end

    def contended(hold: Hold, *rest: Any) -> Any:
        if hold.entry == stuck.entry:
            raise StoreUnavailable("ledger")
        return end(hold, *rest)

    bench.ledger.end = contended
    swept = bench.sweep()
    assert [hold.nano for hold in swept.ended] == [300]
    assert [hold.nano for hold in swept.left] == [400]


def test_books_that_add_up_have_no_findings(make: Made) -> None:
    bench = make(environment=Seed(day_usd="0.00001"), team=Seed(day_usd="0.00001"))
    for number in range(6):
        bench.spend(100 + number, held=500)
    bench.reserve(400)
    bench.budgets.change("environment", SetTerms(day=20_003), "")
    bench.budgets.change("team:search", Raise("day", 7, int(NOON) + HOUR), "")
    bench.time[0] += 2 * HOUR
    bench.sweep()
    bench.reserve(30)
    audited = bench.audit(DAY)
    assert audited == Audited(DAY, 3, (), ())
    assert bench.budget(OWN).day.spent == 615 + 400


@pytest.mark.parametrize("scope", [TEAM, OWN])
def test_a_counter_that_does_not_add_up_is_found(make: Made, scope: Any) -> None:
    bench = make()
    bench.spend(100)
    spoil(bench, with_day(bench.budget(scope), avail=1))
    name = bench.budget(scope).name
    assert found(bench.audit(DAY)) == [("I2", f"{name}:day")]


def test_money_held_without_a_hold_is_found(make: Made) -> None:
    bench = make()
    bench.reserve(100)
    spoil(bench, with_day(bench.budget(TEAM), avail=-5, held=5))
    assert found(bench.audit(DAY)) == [("I2", "team:search:day")]


def test_money_spent_that_a_counter_does_not_know_is_found_in_both_periods(make: Made) -> None:
    bench = make()
    bench.spend(100)
    short = with_day(bench.budget(TEAM), avail=1, spent=-1)
    month = dataclasses.replace(short.month, avail=short.month.avail + 1, spent=99)
    spoil(bench, dataclasses.replace(short, month=month))
    assert found(bench.audit(DAY)) == [("I3", "team:search:day"), ("I3", "team:search:month")]


def test_money_that_a_counter_knows_and_no_row_tells_of_is_found(make: Made) -> None:
    bench = make()
    bench.spend(100)
    used = next(each for each in bench.ledger.read_budgets(all_slices()).values() if each.day.spent)
    spoil(bench, with_day(used, avail=-1, spent=1))
    [finding] = bench.audit(DAY).findings
    assert (finding.invariant, finding.budget) == ("I7", "environment:day")
    assert finding.what == "it has spent 0.000000101, its rows 0.0000001"


def test_rows_of_a_key_without_a_budget_are_found(make: Made) -> None:
    bench = make()
    opened = bench.reserve(100)
    hold = dataclasses.replace(
        opened.hold, entry=dataclasses.replace(opened.entry, key_id="search.lost")
    )
    bench.holding.settle(OpenHold(hold), settled(60))
    assert ("I3", "key:search.lost:day") in found(bench.audit(DAY))


def test_slices_that_disagree_are_found(make: Made) -> None:
    bench = make(environment=Seed(day_usd="0.00001"))
    bench.budgets.change("environment", SetTerms(month=8_000), "")
    one = bench.budget(slice_scope(1))
    spoil(bench, dataclasses.replace(one, on_limit="warn"))
    assert found(bench.audit(DAY)) == [("I2", "environment")]
    wider = dataclasses.replace(one.day, cap=one.day.cap + 1, avail=one.day.avail + 1)
    spoil(bench, dataclasses.replace(one, day=wider))
    [finding] = bench.audit(DAY).findings
    assert (finding.invariant, finding.budget) == ("I2", "environment:day")
    bench.time[0] += 1
    bench.budgets.change("environment", Freeze("what was last said counts"), "")
    assert found(bench.audit(DAY)) == []


def test_a_day_that_is_over_is_compared_where_no_later_one_has_begun(make: Made) -> None:
    bench = make()
    bench.spend(100)
    bench.time[0] += 24 * HOUR
    audited = bench.audit(DAY)
    assert (audited.moved_on, audited.findings) == ((), ())
    bench.spend(50)
    audited = bench.audit(DAY)
    assert set(audited.moved_on) == {"environment", "key:search.1f", "team:search"}
    assert audited.findings == ()
    assert bench.audit("2026-11-23") == Audited("2026-11-23", 3, (), ())


def test_calls_that_go_on_meanwhile_are_no_finding(make: Made) -> None:
    bench = make()
    bench.spend(100)
    booked = bench.admin.booked

    def busy(*asked: Any) -> Any:
        bench.spend(10)
        rows = list(booked(*asked))
        bench.reserve(5)
        bench.spend(10)
        return rows

    bench.admin.booked = busy
    audited = bench.audit(DAY)
    assert audited.findings == ()
    bench.admin.booked = booked
    assert bench.audit(DAY).findings == ()


def test_an_audit_writes_nothing(client: Any) -> None:
    bench = on_dynamo(client)
    bench.spend(100)
    standing = client.scan(TableName="ledger")["Items"]
    bench.audit(DAY)
    assert client.scan(TableName="ledger")["Items"] == standing


def test_each_teams_rows_count_for_it_and_all_for_the_environment(make: Made) -> None:
    bench = make()
    other = dataclasses.replace(KEY, key_id="ops.1", team="ops", digest="e" * 64)
    bench.add_key(other)
    bench.spend(100)
    bench.spend(30, key=other)
    bench.reserve(7, key=other)
    shown = {budget.name: budget.day.spent for budget in bench.budgets.show()}
    assert shown == {
        "environment": 130, "team:search": 100, "key:search.1f": 100, "team:ops": 30,
        "key:ops.1": 30,
    }  # fmt: skip
    assert bench.audit(DAY) == Audited(DAY, 5, (), ())
