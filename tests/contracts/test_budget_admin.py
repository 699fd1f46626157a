"""What ``BudgetAdmin`` promises, on the fake and on DynamoDB (moto) alike, through ``Budgets``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.aws.moto_patches import apply_moto_patches
from shared.domain.budgets import NO_CAP
from shared.domain.budgets.changes import Freeze, Raise, SenselessChange, SetTerms, Unfreeze
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import SLICES, all_slices
from shared.domain.budgets.seeds import Seed
from shared.domain.errors import BudgetExceeded, BudgetFrozen
from shared.resources import LEDGER_TABLE
from shared.usecases.budget_admin import InTheWay, UnknownBudget
from tests.contracts.operators import (
    KEY,
    NOON,
    OWN,
    TEAM,
    WHO,
    Bench,
    in_memory,
    on_dynamo,
    settled,
)  # fmt: skip
from tests.contracts.test_store import create_table

HOUR = 3600
Made = Callable[..., Bench]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    apply_moto_patches()
    with mock_aws():
        found = boto3.client("dynamodb", region_name="us-east-1")
        create_table(found, "ledger", LEDGER_TABLE)
        yield found


@pytest.fixture(params=["memory", "dynamodb"])
def make(request: pytest.FixtureRequest) -> Made:
    if request.param == "memory":
        return in_memory
    table = request.getfixturevalue("client")
    return lambda **seeds: on_dynamo(table, **seeds)


def test_a_cap_that_is_set_bounds_what_is_spent_already_counted(make: Made) -> None:
    bench = make()
    bench.spend(300)
    bench.reserve(100)
    done = bench.budgets.change("team:search", SetTerms(day=500), "")
    assert (done.before.day.cap, done.after.day.cap) == (NO_CAP, 500)
    team = bench.budget(TEAM)
    assert (team.day.avail, team.day.spent, team.day.held) == (100, 300, 100)
    assert (team.month.cap, team.terms) == (NO_CAP, 1)
    with pytest.raises(BudgetExceeded):
        bench.reserve(101)
    bench.reserve(100)
    assert bench.all_balanced()


def test_a_cap_below_what_was_spent_leaves_less_than_nothing_and_balances(make: Made) -> None:
    bench = make()
    bench.spend(300)
    bench.budgets.change("key:search.1f", SetTerms(day=100, month=900), "")
    key = bench.budget(OWN)
    assert (key.day.avail, key.month.avail) == (-200, 600)
    bench.budgets.change("key:search.1f", SetTerms(day=NO_CAP), "")
    assert not bench.budget(OWN).day.is_capped
    assert bench.budget(OWN).month.cap == 900
    assert bench.all_balanced()


def test_the_environment_is_changed_in_all_its_slices_at_once(make: Made) -> None:
    bench = make()
    bench.spend(300)
    bench.budgets.change("environment", SetTerms(day=1003, on_limit="stop"), "")
    slices = [bench.budget(scope) for scope in all_slices()]
    assert sum(each.day.cap for each in slices) == 1003
    assert {(each.terms, each.on_limit) for each in slices} == {(1, "stop")}
    assert sum(each.day.avail for each in slices) == 703
    for _ in range(703 // 37):
        bench.reserve(37)
    with pytest.raises(BudgetExceeded):
        bench.reserve(37)
    assert bench.all_balanced()
    bench.budgets.change("environment", Raise("day", 10, int(NOON) + HOUR), "a launch")
    assert together([bench.budget(scope) for scope in all_slices()]).day.limit == 1013


def test_a_budget_that_was_never_used_begins_with_what_the_stack_states(make: Made) -> None:
    bench = make(team=Seed(month_usd="0.000002", on_limit="stop"))
    bench.budgets.change("team:search", SetTerms(day=500), "")
    team = bench.budget(TEAM)
    assert (team.day.cap, team.month.cap, team.on_limit) == (500, 2000, "stop")
    asked = bench.seeds_asked
    bench.budgets.change("team:search", SetTerms(day=600), "")
    assert bench.seeds_asked == asked


def test_a_keys_unused_budget_is_named_by_the_keys_id(make: Made) -> None:
    bench = make()
    bench.budgets.change("key:search.1f", SetTerms(day=500), "")
    assert bench.budget(OWN).name == "key:search.1f"


def test_a_raise_lifts_a_full_budget_and_ends_by_itself(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.spend(900)
    with pytest.raises(BudgetExceeded):
        bench.reserve(500)
    bench.budgets.change("team:search", Raise("day", 1000, int(NOON) + HOUR), "a launch")
    bench.spend(500)
    assert bench.shown("team:search").day.limit == 2000
    bench.time[0] += HOUR
    shown = bench.shown("team:search")
    assert (shown.day.limit, shown.day.avail, shown.day.raised) == (1000, -400, 0)
    with pytest.raises(BudgetExceeded):
        bench.reserve(1)
    assert bench.all_balanced()


def test_a_raise_takes_the_place_of_one_that_is_going_on(make: Made) -> None:
    bench = make(team=Seed(month_usd="0.000001"))
    bench.budgets.change("team:search", Raise("month", 400, int(NOON) + HOUR), "")
    bench.budgets.change("team:search", Raise("month", 100, int(NOON) + 2 * HOUR), "")
    month = bench.budget(TEAM).month
    assert (month.cap, month.raised, month.avail) == (1000, 100, 1100)
    assert month.raised_until == int(NOON) + 2 * HOUR


def test_a_change_after_a_raise_has_ended_starts_without_it(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.budgets.change("team:search", Raise("day", 400, int(NOON) + HOUR), "")
    bench.time[0] += 24 * HOUR
    done = bench.budgets.change("team:search", SetTerms(day=700), "")
    assert (done.before.day.raised, done.before.day.label) == (0, "2026-11-23")
    assert (bench.budget(TEAM).day.avail, bench.budget(TEAM).day.cap) == (700, 700)


def test_a_frozen_budget_refuses_until_it_is_lifted(make: Made) -> None:
    bench = make(team=Seed(day_usd="1"))
    bench.budgets.change("team:search", Freeze("a leaked key"), "a leaked key")
    with pytest.raises(BudgetFrozen, match="a leaked key"):
        bench.reserve(1)
    bench.budgets.change("team:search", Unfreeze(), "")
    bench.reserve(1)
    with pytest.raises(SenselessChange, match="not frozen"):
        bench.budgets.change("team:search", Unfreeze(), "")


def test_a_hold_from_before_a_change_is_settled_after_it(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    opened = bench.reserve(400)
    bench.budgets.change("team:search", SetTerms(day=2000), "")
    bench.holding.settle(opened, settled(100))
    team = bench.budget(TEAM)
    assert (team.day.avail, team.day.spent, team.day.held) == (1900, 100, 0)


def test_every_change_is_written_down_with_who_what_before_and_after(make: Made) -> None:
    bench = make(team=Seed(day_usd="5"))
    bench.budgets.change("team:search", SetTerms(day=7_000_000_000, ladder=(50, 60, 70)), "more")
    bench.time[0] += 60
    bench.budgets.change("team:search", Raise("day", 10**9, int(NOON) + HOUR), "a launch")
    first, second = bench.budgets.log(NOON)
    assert (first.at, first.who, first.what, first.budget, first.reason) == (
        NOON, WHO, "set", "team:search", "more",
    )  # fmt: skip
    assert (first.before["day_cap_usd"], first.after["day_cap_usd"]) == ("5", "7")
    assert (first.before["ladder"], first.after["ladder"]) == ([70, 85, 95], [50, 60, 70])
    assert second.before == first.after
    assert second.after["day_raised_usd"] == "1"
    assert second.after["day_raised_until"] == "2026-11-22T13:00:00Z"
    assert bench.budgets.log(NOON + 30) == [second]


def test_the_log_reaches_over_the_turn_of_a_month_and_a_year(make: Made) -> None:
    bench = make()
    for at in (NOON, NOON + 20 * 24 * HOUR, NOON + 45 * 24 * HOUR):
        bench.time[0] = at
        bench.budgets.change("environment", SetTerms(day=int(at)), "")
    assert [row.at for row in bench.budgets.log(0)] == sorted(
        row.at for row in bench.budgets.log(0)
    )
    assert len(bench.budgets.log(0)) == 3
    assert len(bench.budgets.log(NOON + 1)) == 2


def test_what_cannot_be_is_refused_and_changes_nothing(make: Made) -> None:
    bench = make()
    bench.reserve(1)
    before = bench.budget(TEAM)
    with pytest.raises(SenselessChange, match="no cap for a day"):
        bench.budgets.change("team:search", Raise("day", 1, int(NOON) + HOUR), "")
    for name in ("team:serach", "key:search.2f", "key:search", "team", "environment:day", ""):
        with pytest.raises(UnknownBudget):
            bench.budgets.change(name, SetTerms(day=1), "")
    assert bench.budget(TEAM) == before
    assert bench.budgets.log(0) == []


def test_a_change_is_decided_anew_where_calls_were_in_the_way(make: Made) -> None:
    bench = make(environment=Seed(day_usd="0.000001"))
    bench.budgets.show()
    change, tries = bench.admin.change, []

    def late(*asked: Any) -> bool:
        tries.append(asked)
        if len(tries) == 1:  # room moves between the slices, and a raise is taken over
            pieces = [bench.budget(scope) for scope in all_slices()]
            assert bench.ledger.move_room(pieces[0], [(pieces[1], 50, 0)])
        return bool(change(*asked))

    bench.admin.change = late
    bench.reserve(1)
    bench.budgets.change("environment", SetTerms(day=4000), "")
    slices = [bench.budget(scope) for scope in all_slices()]
    assert len(tries) == 2
    assert [each.day.cap for each in slices] == [1000] * SLICES
    assert bench.all_balanced()


def test_patience_has_an_end_and_then_nothing_was_changed(make: Made) -> None:
    bench = make()
    bench.admin.change = lambda *_: False
    with pytest.raises(InTheWay):
        bench.budgets.change("team:search", SetTerms(day=1), "")


@pytest.mark.parametrize(
    "meanwhile",
    [SetTerms(on_limit="warn"), SetTerms(day=900), Freeze("x")],
)
def test_a_change_decided_by_older_terms_is_refused(make: Made, meanwhile: Any) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.reserve(1)
    seen = [bench.budget(TEAM)]
    bench.budgets.change("team:search", meanwhile, "")
    [row] = bench.budgets.log(0)
    after = [dataclasses.replace(seen[0], terms=seen[0].terms + 1)]
    other = dataclasses.replace(row, row_id="other")
    standing = bench.budget(TEAM)
    assert bench.admin.change(seen, after, other) is False
    assert bench.budget(TEAM) == standing
    assert bench.budgets.log(0) == [row]


def test_a_change_that_is_sent_twice_is_done_once(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.reserve(1)
    sent: list[Any] = []
    change = bench.admin.change

    def noted(*asked: Any) -> bool:
        sent.append(asked)
        return bool(change(*asked))

    bench.admin.change = noted
    bench.budgets.change("team:search", SetTerms(day=5000), "")
    standing = bench.budget(TEAM)
    assert change(*sent[0]) is True
    assert bench.budget(TEAM) == standing
    assert len(bench.budgets.log(0)) == 1


def test_what_is_held_meanwhile_stays_counted(make: Made) -> None:
    bench = make(team=Seed(day_usd="0.000001"))
    bench.reserve(1)
    change = bench.admin.change

    def later(*asked: Any) -> bool:
        bench.spend(200)
        return bool(change(*asked))

    bench.admin.change = later
    bench.budgets.change("team:search", SetTerms(day=5000), "")
    day = bench.budget(TEAM).day
    assert (day.avail, day.spent, day.held) == (4799, 200, 1)


def test_all_budgets_are_shown_the_environment_in_one_piece(make: Made) -> None:
    bench = make(environment=Seed(day_usd="0.000001003"), team=Seed(day_usd="0.000001"))
    names = [budget.name for budget in bench.budgets.show()]
    assert names == ["environment", "team:search"]
    bench.spend(300)
    environment, team, key = bench.budgets.show()
    assert (environment.name, environment.day.cap, environment.day.spent) == (
        "environment", 1003, 300,
    )  # fmt: skip
    assert (team.name, team.day.avail) == ("team:search", 700)
    assert (key.name, key.day.spent) == ("key:search.1f", 300)
    bench.time[0] += 24 * HOUR
    assert [each.day.spent for each in bench.budgets.show()] == [0, 0, 0]
    assert bench.budget(TEAM).day.spent == 300


def test_looking_writes_nothing(make: Made) -> None:
    bench = make(team=Seed(day_usd="1"))
    assert bench.shown("team:search").day.cap == 10**9
    assert bench.shown("key:search.1f").key_id == KEY.key_id
    bench.budgets.show()
    assert bench.ledger.read_budgets([*all_slices(), TEAM, OWN]) == {}


def test_what_aws_refuses_for_good_is_not_tried_again(client: Any) -> None:
    bench = on_dynamo(client)
    bench.reserve(1)
    answer = {
        "Error": {"Code": "TransactionCanceledException", "Message": "m"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError"}],
    }
    error = ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]

    def refuse(**_: Any) -> None:
        raise error

    bench.admin._client = type("Client", (), {
        "transact_write_items": staticmethod(refuse),
        "get_paginator": staticmethod(client.get_paginator),
    })  # fmt: skip
    with pytest.raises(ClientError):
        bench.budgets.change("team:search", SetTerms(day=1), "")
