"""Who spent it, read from DynamoDB (moto): the latest rows of all teams, within limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.dynamodb import spenders
from shared.adapters.dynamodb.spenders import MOST_SECONDS, DynamoSpenders
from shared.domain.errors import StoreUnavailable
from shared.domain.notices.spending import HOUR, all_spending
from tests.contracts.operators import KEY, NOON, Bench, on_dynamo, settled
from tests.contracts.test_budget_admin import client

__all__ = ["client"]

TEAMS = ["search", "support"]
OTHER = dataclasses.replace(KEY, key_id="support.1", team="support", digest="e" * 64)


@pytest.fixture
def bench(client: Any) -> Bench:
    """Two teams that take turns: four calls, a minute apart, of 1 to 4 nano-dollars."""
    found = on_dynamo(client)
    found.add_key(OTHER)
    for number in range(1, 5):
        found.time[0] = NOON + number * 60
        found.spend(number, key=(KEY, OTHER)[number % 2])
    found.time[0] = NOON + HOUR
    return found


def reader(client: Any, timer: Callable[[], float] = lambda: 0.0) -> DynamoSpenders:
    return DynamoSpenders(client, "ledger", lambda *_: None, timer)


def test_all_teams_rows_are_read_the_latest_first(client: Any, bench: Bench) -> None:
    read = reader(client).spent(TEAMS, NOON, NOON + HOUR)
    assert [row.cost_nano for row in read.rows] == [4, 3, 2, 1]
    assert (read.since, read.is_cut) == (NOON, False)


def test_the_limit_is_one_for_all_teams_and_says_from_where_on_was_read(
    client: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spenders, "MOST_ROWS", 3)
    read = reader(client).spent(TEAMS, NOON, NOON + HOUR)
    assert [row.cost_nano for row in read.rows] == [4, 3, 2]
    assert (read.since, read.is_cut) == (NOON + 120, True)


class Slow:
    """A table of small pages that takes its time; ``pages`` are turned before it is too late."""

    def __init__(self, inner: Any, pages: int) -> None:
        self.inner = inner
        self.pages = pages
        self.now = 0.0

    def query(self, **asked: Any) -> Any:
        self.now += MOST_SECONDS / self.pages + 0.1
        return self.inner.query(**asked | {"Limit": 1})


def test_out_of_time_there_is_what_was_read_until_then(client: Any, bench: Bench) -> None:
    slow = Slow(client, pages=3)
    read = reader(slow, lambda: slow.now).spent(TEAMS, NOON, NOON + HOUR)
    assert read.is_cut
    assert [row.cost_nano for row in read.rows] == [4, 3][: len(read.rows)]
    assert read.since == NOON + 60 * read.rows[-1].cost_nano


def test_out_of_time_what_was_read_is_kept_and_teams_not_looked_at_are_named(
    client: Any, bench: Bench
) -> None:
    slow = Slow(client, pages=3)  # two queries a team: its rows, and what was settled late
    read = reader(slow, lambda: slow.now).spent(TEAMS, NOON, NOON + HOUR)
    assert [(row.team, row.cost_nano) for row in read.rows] == [("search", 4)]
    assert (sorted(read.unread), read.teams) == (["support"], 2)
    spending = all_spending(read, NOON + HOUR)
    assert (spending.is_least, spending.unread) == (True, 1)


def test_out_of_time_before_any_team_was_looked_at_nothing_is_known(
    client: Any, bench: Bench
) -> None:
    slow = Slow(client, pages=1)
    with pytest.raises(StoreUnavailable):
        reader(slow, lambda: slow.now).spent(TEAMS, NOON, NOON + HOUR)


def test_a_team_of_many_rows_does_not_fill_the_first_pages_of_the_others(
    client: Any, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spenders, "MOST_ROWS", 60)
    limits = []
    query = client.query

    def noting(**asked: Any) -> Any:
        limits.append(asked.get("Limit"))
        return query(**asked)

    monkeypatch.setattr(client, "query", noting)
    assert len(reader(client).spent(TEAMS, NOON, NOON + HOUR).rows) == 4
    assert limits == [30] * 4


def test_what_was_settled_late_is_read_by_its_settlement_and_once(
    client: Any, bench: Bench
) -> None:
    opened = bench.reserve(90)
    bench.time[0] += 5 * HOUR
    bench.holding.settle_later(opened.hold, settled(70))
    now = bench.time[0]
    read = reader(client).spent(TEAMS, now - HOUR, now)
    assert [(row.at, row.key, row.cost_nano) for row in read.rows] == [(now, KEY.key_id, 70)]
    at_its_call = reader(client).spent(TEAMS, NOON, NOON + 2 * HOUR)
    assert [row.cost_nano for row in at_its_call.rows] == [4, 3, 2, 1]


def test_a_charge_in_full_and_what_replaces_it_are_read_as_they_moved(
    client: Any, bench: Bench
) -> None:
    opened = bench.reserve(90)
    bench.time[0] += 2 * HOUR
    bench.sweep()
    charged = bench.time[0]
    bench.time[0] += 3 * HOUR
    bench.holding.settle_later(opened.hold, settled(70))
    read = reader(client).spent(TEAMS, charged, bench.time[0])
    assert [(row.at, row.cost_nano) for row in read.rows] == [
        (bench.time[0], -20),
        (charged, 90),
    ]
    assert bench.charges == [90, -90], "what the settlement cost is told by itself"
