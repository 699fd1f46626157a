"""Rollups say what the rows say, on the fake and on DynamoDB (moto) alike, whatever breaks off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.dynamodb.rollup_rows import cells_packed
from shared.adapters.dynamodb.store import DynamoStore
from shared.adapters.memory import MemoryStore
from shared.domain.entries import Entry, Settlement
from shared.domain.errors import UnknownRequest
from shared.domain.prices import TokenCounts
from shared.domain.request_ids import request_id
from shared.domain.rollups import SETTLING_SECONDS, Cells, Sums, added
from shared.domain.savings import Levers
from shared.domain.usage_rows import (
    Feedback,
    UsageRow,
    day_after,
    epoch,
    hour_end,
    hours_of,
    moment_of,
    start_of,
)
from shared.resources import CACHE_TABLE, LEDGER_TABLE
from shared.usecases.feedback import GiveFeedback
from shared.usecases.usage_reader import UsageReader
from tests.contracts.test_store import ENTRY, create_table
from tests.naive_rollups import cells_of

DAY: Final = "2026-11-22"
NEXT: Final = "2026-11-23"
MIDNIGHT: Final = epoch(start_of(DAY))
WHOLE: Final = (start_of(DAY), start_of(NEXT))
LATER: Final = MIDNIGHT + 86_400 + SETTLING_SECONDS
"""When the whole day is closed."""


class Place:
    """A ledger with a clock that is set by hand, and a way to write rows to it."""

    def __init__(self, ledger: Any, store: Any) -> None:
        self.ledger = ledger
        self.store = store
        self.now = MIDNIGHT
        self.number = 0

    def clock(self) -> float:
        return self.now

    @property
    def reader(self) -> UsageReader:
        return UsageReader(self.ledger, self.clock)

    def book(self, at: float, day: str = DAY, cost: int = 100, **facts: Any) -> str:
        """Write a row that was opened so many seconds into the day; returns its request id."""
        self.number += 1
        named = request_id(MIDNIGHT + at, self.number.to_bytes(12))
        settlement = {k: facts.pop(k) for k in list(facts) if k in Settlement.__dataclass_fields__}
        entry: Entry = dataclasses.replace(
            ENTRY, request_id=named, opened_at=MIDNIGHT + at, **facts
        )
        settled = Settlement(
            **{
                "outcome": "answered",
                "tokens": TokenCounts(input=10, cache_write_long=2, output=5),
                "usage_source": "provider",
                "cost_nano": cost,
                "baseline_nano": cost + 30,
                "levers": Levers(routing=40, fallback=-10),
                "milliseconds": 1500,
                "aws_nano": 7,
                **settlement,
            }
        )
        self.store.record_hit(entry, settled, None, day)
        return named

    def from_rows(self, since: str, until: str, team: str = "search") -> Cells:
        """Add the rows up by hand, day by day, without any rollup."""
        parts = []
        day = since[:10]
        while start_of(day) < until:
            rows = self.rows(day, team) + self.rows(day_after(day), team)
            mine = [row for row in rows if row.day == day and since <= row.moment < until]
            parts.append(cells_of(mine, rows, self.ledger.feedback(team, day)))
            day = day_after(day)
        return added(parts)

    def rows(self, day: str, team: str = "search") -> list[UsageRow]:
        return list(self.ledger.usage_rows(team, start_of(day), start_of(day_after(day))))


def in_memory() -> Place:
    store = MemoryStore()
    return Place(store.ledger, store)


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "ledger", LEDGER_TABLE)
        create_table(client, "cache", CACHE_TABLE)
        store = DynamoStore(
            client, cache_table="cache", ledger_table="ledger", report=lambda *_: None
        )
        yield Place(DynamoLedger(client, "ledger", lambda *_: None), store)


@pytest.fixture(params=["memory", "dynamodb"])
def place(request: pytest.FixtureRequest) -> Any:
    return in_memory() if request.param == "memory" else request.getfixturevalue("dynamo")


def a_day(place: Place) -> None:
    """Rows of several models, features and hours; a retry over midnight, a failure, a count."""
    place.book(10.5, model="gpt-6-astra", tier="frontier")
    place.book(3_599.999, feature="docs", request_digest="r")
    place.book(3_620, feature=None, request_digest="r", cache="miss")
    place.book(40_000, task="qa", outcome="failed", cost=9)
    place.book(40_001, task="qa", key_id="search.2", finish_reason="length")
    place.book(50_000, door="count_tokens", cost=0)
    place.book(60_000, cache="hit", cost=0, usage_source="stored")
    place.book(86_399, request_digest="n")
    place.book(86_402, day=NEXT, request_digest="n", cache="miss")
    place.book(86_399.5, day=NEXT, cost=77)


def test_a_row_comes_back_as_it_was_written(place: Place) -> None:
    place.book(10.25, request_digest="abc", routed_model="gpt-6-astra", schema="met", tier=None)
    [row] = place.rows(DAY)
    assert (row.day, row.moment) == (DAY, f"{DAY}T00:00:10.250000")
    assert (row.entry.request_digest, row.entry.routed_model) == ("abc", "gpt-6-astra")
    assert row.settlement.levers == Levers(routing=40, fallback=-10)
    assert (row.settlement.schema, row.settlement.milliseconds) == ("met", 1500)


def test_rows_are_found_from_a_moment_on_and_before_another(place: Place) -> None:
    for at in (59, 60, 119.5, 120):
        place.book(at)
    found = place.ledger.usage_rows("search", f"{DAY}T00:01:00.000000", f"{DAY}T00:02:00.000000")
    assert [row.entry.opened_at - MIDNIGHT for row in found] == [60, 119.5]


def test_sums_are_the_same_from_rows_and_from_rollups_in_every_part_of_the_day(
    place: Place,
) -> None:
    a_day(place)
    place.now = LATER
    parts = [
        WHOLE,
        (f"{DAY}T00:59:59.999000", f"{DAY}T11:06:40.500000"),
        (f"{DAY}T11:00:00.000000", f"{DAY}T12:00:00.000000"),
        (WHOLE[0], start_of("2026-11-24")),
    ]
    for since, until in parts * 2:
        assert place.reader.cells("search", since, until) == place.from_rows(since, until)
    day = place.ledger.days("search", DAY, DAY)[DAY]
    assert day.cells == place.from_rows(*WHOLE)
    total = sum(day.cells.values(), Sums())
    assert (total.requests, total.cost_nano) == (7, 509)
    assert (total.successes, total.failures, total.unknown) == (3, 4, 0)


def test_open_hours_are_read_from_rows_and_not_stored(place: Place) -> None:
    place.book(10)
    place.now = MIDNIGHT + 3_600 + SETTLING_SECONDS - 1
    assert sum(s.requests for s in place.reader.cells("search", *WHOLE).values()) == 1
    assert place.ledger.hours("search", DAY) == {}
    place.book(20)
    assert sum(s.requests for s in place.reader.cells("search", *WHOLE).values()) == 2
    place.now += 1
    place.reader.cells("search", *WHOLE)
    assert list(place.ledger.hours("search", DAY)) == [f"{DAY}T00"]
    assert place.ledger.days("search", DAY, DAY) == {}


def test_a_closed_day_is_read_once_and_then_never_row_by_row(place: Place) -> None:
    a_day(place)
    place.now = LATER
    first = place.reader.cells("search", *WHOLE)
    place.ledger.usage_rows = refused
    assert place.reader.cells("search", *WHOLE) == first
    hours = (f"{DAY}T11:00:00.000000", f"{DAY}T12:00:00.000000")
    assert sum(s.requests for s in place.reader.cells("search", *hours).values()) == 2


def refused(*_: object) -> Any:
    raise AssertionError("rows were read")


def test_a_row_that_is_written_late_is_in_the_sums_once_its_hour_was_opened(place: Place) -> None:
    place.book(10)
    place.now = LATER
    place.reader.cells("search", *WHOLE)
    place.ledger.reopen("search", [f"{DAY}T00"], int(place.now) + 60)
    place.reader.cells("search", *WHOLE)
    place.book(20)
    assert place.reader.cells("search", *WHOLE) == place.from_rows(*WHOLE)
    assert place.ledger.days("search", DAY, DAY)[DAY].cells is None
    place.now += 61
    assert place.reader.cells("search", *WHOLE) == place.from_rows(*WHOLE)
    assert place.ledger.days("search", DAY, DAY)[DAY].cells == place.from_rows(*WHOLE)


def test_a_rebuild_that_began_before_the_hour_was_opened_is_not_stored(place: Place) -> None:
    place.book(10)
    place.now = LATER
    old = place.from_rows(*WHOLE)
    place.ledger.reopen("search", [f"{DAY}T00"], 0)
    place.ledger.close("search", f"{DAY}T00", old, 0)
    place.ledger.close("search", DAY, old, 0)
    assert place.ledger.hours("search", DAY)[f"{DAY}T00"].cells is None
    assert place.ledger.days("search", DAY, DAY)[DAY].cells is None
    place.ledger.close("search", DAY, old, 1)
    assert place.ledger.days("search", DAY, DAY)[DAY].cells == old


def test_feedback_on_a_closed_day_changes_its_sums_and_the_last_word_wins(place: Place) -> None:
    named = place.book(7_200)
    place.now = LATER
    before = sum(place.reader.cells("search", *WHOLE).values(), Sums())
    assert (before.successes, before.failures) == (1, 0)
    give = GiveFeedback(place.ledger, place.clock)
    give("search", Feedback(named, "failure", place.now, score=250, corrected=True))
    give("search", Feedback(named, "success", place.now - 5))
    for _ in range(2):
        after = sum(place.reader.cells("search", *WHOLE).values(), Sums())
        assert (after.successes, after.failures) == (0, 1)
        place.now += SETTLING_SECONDS
    assert place.ledger.feedback("search", DAY)[named].score == 250
    give("search", Feedback(named, "success", place.now))
    last = sum(place.reader.cells("search", *WHOLE).values(), Sums())
    assert (last.successes, last.failures) == (1, 0)


@pytest.mark.parametrize(("at", "day"), [(0.0, DAY), (86_399.9, DAY), (86_399.9, NEXT)])
def test_feedback_finds_its_row_on_either_side_of_midnight(
    place: Place, at: float, day: str
) -> None:
    named = place.book(at, day)
    place.now = MIDNIGHT + 90_000
    GiveFeedback(place.ledger, place.clock)("search", Feedback(named, "failure", place.now))
    assert list(place.ledger.feedback("search", day)) == [named]


def test_feedback_on_what_is_not_the_team_s_own_answer_is_refused(place: Place) -> None:
    own, failed = place.book(5), place.book(6, outcome="failed")
    give = GiveFeedback(place.ledger, place.clock)
    unknown = request_id(MIDNIGHT + 5, b"u" * 12)
    for team, named in (("support", own), ("search", failed), ("search", unknown)):
        with pytest.raises(UnknownRequest):
            give(team, Feedback(named, "failure", place.now))
        assert place.ledger.feedback(team, DAY) == {}


def test_a_schedule_stores_the_day_of_every_team(place: Place) -> None:
    a_day(place)
    place.book(10, team="support")
    place.now = LATER
    assert place.reader.roll_up(DAY, ["search", "support"]) == ["search", "support"]
    for team in ("search", "support"):
        cells = place.ledger.days(team, DAY, DAY)[DAY].cells
        assert cells == place.from_rows(*WHOLE, team=team) != {}


class BreaksOff(BaseException):
    """The process died."""


class Breaking:
    """A ledger whose process dies before or after its n-th call."""

    def __init__(self, ledger: Any, number: int, *, after: bool) -> None:
        self._ledger = ledger
        self._left = number
        self._after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._ledger, name)

        def call(*given: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                if self._after:
                    method(*given)
                raise BreaksOff
            return method(*given)

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_a_process_dies_the_sums_are_those_of_the_rows(
    place: Place, *, after: bool
) -> None:
    a_day(place)
    named = place.book(30_000)
    place.now = LATER
    for number in range(100):
        place.ledger.reopen("search", hours_of(DAY), 0)
        broken = Breaking(place.ledger, number, after=after)
        said = Feedback(named, "success" if number % 2 else "failure", place.now)
        try:
            UsageReader(broken, place.clock).cells("search", *WHOLE)
            GiveFeedback(broken, place.clock)("search", said)
        except BreaksOff:
            assert place.reader.cells("search", *WHOLE) == place.from_rows(*WHOLE)
            place.now += 2 * SETTLING_SECONDS
            assert place.reader.cells("search", *WHOLE) == place.from_rows(*WHOLE)
        else:
            assert number > 8, "it died at every call of a rebuild"
            return
    raise AssertionError("it never came to an end")


steps = st.one_of(
    st.tuples(
        st.just("row"),
        st.integers(0, 2 * 86_400 - 1),
        st.sampled_from(["d", "e", None]),
        st.sampled_from(["hit", "miss"]),
    ),
    st.tuples(st.just("feedback"), st.integers(0, 30), st.sampled_from(["success", "failure"])),
    st.tuples(st.just("pass"), st.integers(1, 200_000)),
    st.tuples(st.just("ask"), st.integers(0, 47), st.integers(1, 48)),
    st.tuples(st.just("die"), st.integers(0, 12), st.booleans()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=25))
def test_after_any_history_the_sums_are_those_of_the_rows(history: list[tuple[Any, ...]]) -> None:
    place = in_memory()
    place.now = MIDNIGHT + 2 * 86_400
    named: list[str] = []
    for step in history:
        take(place, step, named)
    for _ in range(2):
        for until in (start_of(NEXT), start_of("2026-11-24")):
            asked = (start_of(DAY), until)
            assert place.reader.cells("search", *asked) == place.from_rows(*asked)
        place.now += 3 * SETTLING_SECONDS


def take(place: Place, step: tuple[Any, ...], named: list[str]) -> None:
    match step:
        case ("row", at, digest, cache):
            write_late(place, at, digest, cache, named)
        case ("feedback", number, outcome) if number < len(named):
            said = Feedback(named[number], outcome, place.now)
            GiveFeedback(place.ledger, place.clock)("search", said)
        case ("pass", seconds):
            place.now += seconds
        case ("ask", hour, hours):
            since = moment_of(MIDNIGHT + hour * 3_600)
            until = moment_of(epoch(since) + hours * 3_600 - 7)
            assert place.reader.cells("search", since, until) == place.from_rows(since, until)
        case ("die", number, after):
            try:
                broken: Any = Breaking(place.ledger, number, after=after)
                UsageReader(broken, place.clock).cells("search", *WHOLE)
            except BreaksOff:
                return


def write_late(place: Place, at: int, digest: str | None, cache: str, named: list[str]) -> None:
    """Write a row as a late settlement does: its hour and the one before are opened first."""
    moment = moment_of(MIDNIGHT + at)
    if place.now >= epoch(hour_end(moment[:13])):
        hours = [moment[:13], moment_of(epoch(moment) - 3_600)[:13]]
        place.ledger.reopen("search", hours, int(place.now) + SETTLING_SECONDS)
    named.append(place.book(at, moment[:10], request_digest=digest, cache=cache))


def test_cells_too_many_for_an_item_are_read_from_rows(
    dynamo: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day(dynamo)
    dynamo.now = LATER
    largest = len(cells_packed(dynamo.from_rows(*WHOLE))) - 1
    monkeypatch.setattr("shared.adapters.dynamodb.rollup_rows.LARGEST_CELLS_BYTES", largest)
    for _ in range(2):
        assert dynamo.reader.cells("search", *WHOLE) == dynamo.from_rows(*WHOLE)
    assert dynamo.ledger.days("search", DAY, DAY) == {}


def test_a_hundred_rows_of_an_hour_come_page_by_page_and_all_of_them(place: Place) -> None:
    named = [place.book(at) for at in range(101)]
    assert [row.entry.request_id for row in place.rows(DAY)] == named
