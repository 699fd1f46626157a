"""What ``BatchLedger`` promises, on the fake and on DynamoDB (moto) alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from local.aws.moto_patches import apply_moto_patches
from shared.adapters.dynamodb import batch_ledger
from shared.adapters.dynamodb.batch_ledger import DynamoBatchLedger
from shared.adapters.memory import MemoryMeter
from shared.adapters.memory_batch_ledger import MemoryBatchLedger
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import Budget, Hold, Scope
from shared.domain.budgets.lines import MOST_LINES, SettledLine
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import all_slices
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.entries import Settlement
from shared.domain.prices import TokenCounts
from shared.resources import LEDGER_TABLE
from shared.usecases.batches.money import BatchMoney
from shared.usecases.holding import Holding, HoldPolicy, Wanted
from tests.contracts.test_ledger import KEY, NOON, OWN, TEAM
from tests.contracts.test_store import ENTRY, create_table

DAY = 24 * 3600
BATCH = dataclasses.replace(ENTRY, request_id="req_batch", opened_at=NOON, variant="batch")


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoBatchLedger]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    apply_moto_patches()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "ledger", LEDGER_TABLE)
        yield DynamoBatchLedger(client, "ledger", lambda *_: None)


@dataclass
class Bench:
    """A hold of many lines on a ledger whose clock is set by hand."""

    ledger: Any
    time: list[float]
    meter: MemoryMeter
    holding: Holding
    money: BatchMoney
    hold: Hold

    def budget(self, scope: Scope) -> Budget:
        if scope.kind == "environment":
            return together(list(self.ledger.read_budgets(all_slices()).values()))
        found: Budget = self.ledger.read_budgets([scope])[scope]
        return found

    def day(self) -> tuple[int, int, int]:
        """What the team's day has spent, holds and doubts, which is what all others have too."""
        seen = {
            (b.day.spent, b.day.held, b.day.doubt)
            for b in (self.budget(scope) for scope in (TEAM, OWN, all_slices()[0]))
        }
        assert self.is_balanced()
        [found] = seen
        return found

    def is_balanced(self) -> bool:
        scopes = [*all_slices(), TEAM, OWN]
        budgets = self.ledger.read_budgets(scopes).values()
        return all(counter.is_balanced for budget in budgets for _, counter in budget.counters)

    def costs(self) -> dict[str, int]:
        """The cost of every usage row of the hold's day by its request."""
        rows = self.ledger.usage_rows("search", self.hold.day, self.hold.day + "T99")
        return {row.entry.request_id: row.settlement.cost_nano for row in rows}

    def later(self, seconds: float) -> None:
        self.time[0] += seconds


def line(number: int, held: int = 10, cost: int = 4) -> SettledLine:
    entry = dataclasses.replace(BATCH, request_id=f"req_line_{number}")
    tokens = TokenCounts(input=1, output=1)
    return SettledLine(entry, held, Settlement("answered", tokens, "provider", cost, 2 * cost))


def bench_on(ledger: Any, nano: int = 1_000) -> Bench:
    time, meter = [NOON], MemoryMeter()
    caps = Seed(day_usd="1", month_usd="2")
    policy = HoldPolicy(Seeds(environment=caps, team=caps, key=caps), 100, KeyLimits())
    holding = Holding(ledger, lambda: time[0], policy, lambda _: None)
    money = BatchMoney(ledger, lambda: time[0], meter, lambda _: None, lambda: 1.0)
    opened = holding.reserve(Wanted(BATCH, KEY, nano, int(NOON) + 2 * DAY), None)
    return Bench(ledger, time, meter, holding, money, opened.hold)


@pytest.fixture(params=["memory", "dynamodb"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return bench_on(MemoryBatchLedger())
    return bench_on(request.getfixturevalue("dynamo"))


def test_lines_are_settled_one_part_after_another_and_the_rest_is_given_back(bench: Bench) -> None:
    assert bench.day() == (0, 1_000, 0)
    bench.money.settle(bench.hold, [line(1), line(2)])
    assert bench.day() == (8, 980, 0)
    bench.money.settle(bench.hold, [line(3, held=500, cost=0)])
    assert bench.day() == (8, 480, 0)
    bench.money.release(bench.hold)
    assert bench.day() == (8, 0, 0)
    bench.money.release(bench.hold)
    assert bench.costs() == {"req_line_1": 4, "req_line_2": 4, "req_line_3": 0}
    assert bench.ledger.standing_hold(bench.hold) is None


def test_a_line_is_settled_once_in_whatever_company_it_comes_again(bench: Bench) -> None:
    bench.money.settle(bench.hold, [line(1), line(2)])
    bench.money.settle(bench.hold, [line(2, cost=9), line(3), line(1, cost=9)])
    bench.money.settle(bench.hold, [line(3), line(2)])
    assert bench.day() == (12, 970, 0)
    assert bench.costs() == {"req_line_1": 4, "req_line_2": 4, "req_line_3": 4}


def test_more_lines_than_a_transaction_holds_are_settled(bench: Bench) -> None:
    lines = [line(number) for number in range(MOST_LINES + 3)]
    bench.money.settle(bench.hold, lines[:2])
    bench.money.settle(bench.hold, lines)
    assert bench.day() == (4 * len(lines), 1_000 - 10 * len(lines), 0)


def test_lines_that_end_on_a_later_day_are_booked_into_the_month(bench: Bench) -> None:
    bench.later(DAY)
    other = dataclasses.replace(ENTRY, request_id="req_other", opened_at=NOON + DAY)
    opened = bench.holding.reserve(Wanted(other, KEY, 5, int(NOON) + 2 * DAY), None)
    bench.money.settle(bench.hold, [line(1)])
    bench.holding.settle(opened, Settlement("answered", TokenCounts(input=1), "provider", 5, 5))
    assert bench.day() == (5, 0, 0)
    month = bench.budget(TEAM).month
    assert (month.spent, month.held) == (9, 990)
    bench.money.release(bench.hold)
    assert bench.budget(TEAM).month.held == 0


def test_an_expired_hold_is_charged_for_what_was_left_and_lines_take_from_that(
    bench: Bench,
) -> None:
    bench.money.settle(bench.hold, [line(1)])
    bench.later(2 * DAY + 1)
    [expired] = bench.holding.expired("search")
    assert expired.nano == 990
    bench.holding.expire(expired)
    assert bench.costs()["req_batch"] == 990
    bench.money.settle(bench.hold, [line(2), line(1)])
    bench.money.release(bench.hold)
    assert bench.costs() == {"req_batch": 980, "req_line_1": 4, "req_line_2": 4}
    month = bench.budget(TEAM).month
    assert (month.spent, month.held, month.doubt) == (988, 0, 980)
    assert bench.is_balanced()


def test_an_expiry_that_saw_an_earlier_part_charges_nothing(bench: Bench) -> None:
    bench.later(2 * DAY + 1)
    [seen] = bench.holding.expired("search")
    bench.money.settle(bench.hold, [line(1)])
    bench.holding.expire(seen)
    assert bench.ledger.standing_hold(bench.hold).nano == 990
    assert bench.budget(TEAM).month.doubt == 0


def test_lines_without_a_hold_are_an_operators_trouble_and_move_nothing(bench: Bench) -> None:
    bench.money.release(bench.hold)
    bench.money.settle(bench.hold, [line(1)])
    assert bench.day() == (0, 0, 0)
    assert [what for what, _ in bench.meter.troubles] == ["unsettled"]


def test_rows_written_after_their_hour_have_it_added_up_anew(bench: Bench) -> None:
    bench.ledger.close("search", "2026-11-22T12", {}, 0)
    bench.later(3600)
    bench.money.settle(bench.hold, [line(1)])
    hours = bench.ledger.hours("search", "2026-11-22")
    assert hours["2026-11-22T12"].revision > 0


Step = tuple[str, Any]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("settle"), st.lists(st.integers(0, 6), max_size=4, unique=True)),
        st.tuples(st.just("expire"), st.just(None)),
        st.tuples(st.just("release"), st.just(None)),
    ),
    max_size=8,
)


def play(bench: Bench, steps: list[Step]) -> None:
    for what, numbers in steps:
        if what == "settle":
            bench.money.settle(bench.hold, [line(n, held=10 + n, cost=n) for n in numbers])
        elif what == "release":
            bench.money.release(bench.hold)
        else:
            bench.later(2 * DAY + 1)
            for hold in bench.holding.expired("search"):
                bench.holding.expire(hold)
        assert bench.is_balanced()
        month = bench.budget(TEAM).month
        assert month.spent == sum(bench.costs().values())
        assert min(month.held, month.doubt) >= 0


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_rows_and_counters_agree_whatever_happens_in_whatever_order(steps: list[Step]) -> None:
    play(bench_on(MemoryBatchLedger(), nano=200), steps)


@contextmanager
def always(name: Any) -> Iterator[None]:
    """Let a condition hold always; its placeholders stay in use."""
    before = batch_ledger.LINE_CONDITIONS[name]
    either = "attribute_exists(pk) OR attribute_not_exists(pk)"
    batch_ledger.LINE_CONDITIONS[name] = f"({before}) OR {either}"
    try:
        yield
    finally:
        batch_ledger.LINE_CONDITIONS[name] = before


@pytest.mark.parametrize("name", ["hold", "expired"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "without"])
def test_without_its_condition_lines_make_money(
    dynamo: DynamoBatchLedger, name: str, is_whole: bool
) -> None:
    bench = bench_on(dynamo, nano=20)
    if name == "expired":
        bench.later(2 * DAY + 1)
        bench.holding.expire(bench.holding.expired("search")[0])
    lines = [line(1), line(2), line(3)]
    if is_whole:
        bench.money.settle(bench.hold, lines)
        assert min(bench.budget(TEAM).month.held, bench.budget(TEAM).month.doubt) >= 0
        return
    with always(name):
        bench.money.settle(bench.hold, lines)
    assert min(bench.budget(TEAM).month.held, bench.budget(TEAM).month.doubt) < 0
