"""Who spent it, read from DynamoDB (moto): the latest rows of all teams, within limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.dynamodb import spenders
from shared.adapters.dynamodb.spenders import MOST_SECONDS, DynamoSpenders
from shared.domain.errors import StoreUnavailable
from shared.domain.notices.spending import HOUR
from tests.contracts.operators import KEY, NOON, Bench, on_dynamo
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
        return self.inner.query(**asked, Limit=1)


def test_out_of_time_there_is_what_was_read_until_then(client: Any, bench: Bench) -> None:
    slow = Slow(client, pages=3)
    read = reader(slow, lambda: slow.now).spent(TEAMS, NOON, NOON + HOUR)
    assert read.is_cut
    assert [row.cost_nano for row in read.rows] == [4, 3][: len(read.rows)]
    assert read.since == NOON + 60 * read.rows[-1].cost_nano


def test_out_of_time_before_all_teams_were_looked_at_nothing_is_known(
    client: Any, bench: Bench
) -> None:
    slow = Slow(client, pages=1)
    with pytest.raises(StoreUnavailable):
        reader(slow, lambda: slow.now).spent(TEAMS, NOON, NOON + HOUR)
