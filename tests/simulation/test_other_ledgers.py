"""The harness catches ledgers that overspend, and the lease map is as safe as the holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.simulation.judge import BooksJudge, Broken, Judge
from tests.simulation.lease_items import LeaseReader
from tests.simulation.lease_map import LeaseMapScheme
from tests.simulation.naive_ledgers import CheckThenAdd, CounterWithRefund
from tests.simulation.plans import Plan, plan_of
from tests.simulation.schemes import HoldingScheme
from tests.simulation.world import SchemeType, World

pytestmark = pytest.mark.timeout(900)

PLENTY = (100_000, 1_000_000)


class LeaseJudge(Judge):
    """The same rules, read from leases."""

    reader_type = LeaseReader


def plain(seed: int) -> Plan:
    """Return a plan without an operator and without what only the holds of the house know."""
    plan = plan_of(seed)
    bounds = replace(
        plan.bounds,
        warned=frozenset(),
        share_percent=100,
        in_flight=None,
        requests=None,
        tokens=None,
    )
    return replace(plan, operator_changes=0, bounds=bounds)


def crowded(seed: int) -> Plan:
    """Return a plan in which all want the same key's money, and a sweeper's clock is fast."""
    plan = plain(seed)
    callers = [
        replace(
            caller,
            orders=tuple(
                replace(order, team="red", digest="ra", cost=order.nano, lasts=30.0)
                for order in caller.orders
            ),
        )
        for caller in plan.callers
    ]
    return replace(
        plan,
        callers=tuple(callers),
        sweeper_skews=(5_000.0, 0.0),
        bounds=replace(plan.bounds, environment=PLENTY, team=(90, 180), key=(60, 120)),
    )


def overspends(scheme: SchemeType, seeds: int) -> Counter[str]:
    """Return whose caps the provider's books went over, in how many seeds."""
    found: Counter[str] = Counter()
    for seed in range(seeds):
        try:
            World(crowded(seed), scheme_type=scheme, judge_type=BooksJudge).run()
        except Broken as error:
            found[str(error).split("'")[1]] += 1
    return found


@pytest.mark.parametrize("scheme", [CheckThenAdd, CounterWithRefund])
def test_a_naive_ledger_is_caught_overspending(scheme: SchemeType) -> None:
    assert overspends(scheme, 60).total() > 0


def test_holds_do_not_overspend_by_the_same_books() -> None:
    assert overspends(HoldingScheme, 60).total() == 0


def test_the_lease_map_breaks_no_rule() -> None:
    """Its slices do not lend each other room, so the environment's cap is kept out of the way."""
    for seed in range(20):
        plan = plain(seed)
        plan = replace(plan, bounds=replace(plan.bounds, environment=PLENTY))
        World(plan, scheme_type=LeaseMapScheme, judge_type=LeaseJudge).run()
