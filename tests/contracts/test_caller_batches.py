"""What every store of callers' batches promises, on the fake and on DynamoDB (moto) alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared.adapters.dynamodb.caller_batches import DynamoCallerBatches
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.domain.batches.batch import Batch, Counts, Group, LineError, Money, Part, Results
from shared.domain.files import Blob, Listing
from shared.domain.jobs.job import Held
from shared.ports.batches import CallerBatches
from shared.resources import JOBS_TABLE
from tests.contracts.test_store import create_table


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[CallerBatches]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "jobs", JOBS_TABLE)
        yield DynamoCallerBatches(client, "jobs", lambda *_: None)


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> CallerBatches:
    if request.param == "memory":
        return MemoryCallerBatches()
    found: CallerBatches = request.getfixturevalue(request.param)
    return found


def a_batch(number: int = 1, team: str = "search", prefix: str = "batch_", **more: Any) -> Batch:
    batch = Batch(
        id=f"{prefix}{number:032x}",
        team=team,
        kind="openai",
        door="chat",
        key_id="search.1",
        key_digest="d" * 64,
        created_at=100.5,
        status="validating",
        request_id="req_" + "0" * 32,
        price_version="v",
    )
    return dataclasses.replace(batch, **more)


FULL = a_batch(
    metadata={"a": "b"},
    errors=(LineError("c", "m", 3, "p"), LineError("d", "n")),
    held=Held(2**60, "2026-11-22", 200),
    groups=(Group("openai", "gpt-6-luna", 3, Blob("k", 9)),),
    twins=Blob("t", 1),
    parts=(Part("bat_1", 0, 0, 2), Part("bat_2", 0, 2, 1, "bat_1")),
    counts=Counts(3, 1, 1, 1, 0),
    money=Money(5, 9),
    in_progress_at=101.25,
    output_file="file-1",
)


def test_a_batch_comes_back_as_it_was_written(store: CallerBatches) -> None:
    store.put(FULL)
    store.put(dataclasses.replace(FULL, status="failed"))
    assert store.get("search", FULL.id) == FULL
    assert store.get("support", FULL.id) is None
    assert store.open_batches() == [("search", FULL.id)]


def test_a_batch_is_changed_from_the_revision_it_was_seen_in(store: CallerBatches) -> None:
    store.put(a_batch())
    first = a_batch().changed(status="in_progress")
    assert store.move(a_batch(), first) == first
    assert store.move(a_batch(), a_batch().changed(status="failed", ended_at=9.0)) == first
    assert store.move(a_batch(), first) == first
    assert store.get("search", first.id) == first


def test_a_batch_at_rest_is_open_no_more(store: CallerBatches) -> None:
    store.put(a_batch())
    store.put(a_batch(2, "support"))
    store.move(a_batch(), a_batch().changed(status="completed", ended_at=200.5))
    assert store.open_batches() == [("support", a_batch(2).id)]


def test_a_deleted_batch_is_gone_and_does_not_come_back(store: CallerBatches) -> None:
    store.put(a_batch())
    store.delete(a_batch())
    store.delete(a_batch())
    assert store.get("search", a_batch().id) is None
    assert store.open_batches() == []
    assert store.move(a_batch(), a_batch().changed(status="in_progress")) == a_batch()
    assert store.get("search", a_batch().id) is None


@pytest.mark.parametrize("newest_first", [True, False])
def test_batches_are_listed_by_age_and_kind_from_a_cursor_on(
    store: CallerBatches, newest_first: bool
) -> None:
    for number in (3, 1, 4, 2):
        store.put(a_batch(number))
        store.put(a_batch(number, prefix="msgbatch_"))
        store.put(a_batch(number, "support"))
    numbers = [4, 3, 2, 1] if newest_first else [1, 2, 3, 4]
    expected = [a_batch(number) for number in numbers]
    listing = Listing(3, newest_first=newest_first)
    assert store.list_batches("search", "batch_", listing) == expected[:3]
    rest = dataclasses.replace(listing, after=expected[1].id)
    assert store.list_batches("search", "batch_", rest) == expected[2:]
    assert len(store.list_batches("search", "msgbatch_", Listing(9))) == 4


def test_files_of_records_are_gathered_by_their_key(store: CallerBatches) -> None:
    one, two = Results(Blob("search/a", 5), 3, 1), Results(Blob("search/b", 6), 0, 2)
    for results in (one, two, one):
        store.add_results("search", a_batch().id, results, 500)
    assert sorted(store.results("search", a_batch().id), key=lambda r: r.blob.key) == [one, two]
    assert store.results("search", a_batch(2).id) == []
    assert store.results("support", a_batch().id) == []
