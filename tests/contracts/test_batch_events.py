"""What every outbox of batches' ends promises, on the fake and on DynamoDB (moto) alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import boto3
import pytest
from moto import mock_aws

from shared.adapters.dynamodb.batch_events import DynamoBatchEvents
from shared.adapters.dynamodb.caller_batches import DynamoCallerBatches
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.domain.batches.events import event_of
from shared.ports.batches import BatchEvents, CallerBatches
from shared.resources import JOBS_TABLE
from tests.contracts.test_caller_batches import a_batch
from tests.contracts.test_store import create_table

DONE = a_batch().changed(status="completed", ended_at=200.5)


class Place(NamedTuple):
    """Batches and their ends."""

    batches: CallerBatches
    events: BatchEvents


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_table(client, "jobs", JOBS_TABLE)
        asked = client, "jobs", lambda *_: None
        yield Place(DynamoCallerBatches(*asked), DynamoBatchEvents(*asked))


@pytest.fixture(params=["memory", "dynamo"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        memory = MemoryCallerBatches()
        return Place(memory, memory)
    found: Place = request.getfixturevalue(request.param)
    return found


def test_an_end_is_pending_with_the_end_itself_and_no_sooner(place: Place) -> None:
    place.batches.put(a_batch())
    going = a_batch().changed(status="in_progress")
    place.batches.move(a_batch(), going)
    assert place.events.pending() == []
    place.batches.move(going, going.changed(status="completed", ended_at=200.5))
    assert place.events.pending() == [event_of(DONE)]


def test_an_end_that_was_not_written_is_not_pending(place: Place) -> None:
    place.batches.put(a_batch())
    place.batches.move(a_batch(), a_batch().changed(status="in_progress"))
    place.batches.move(a_batch(), DONE)
    assert place.events.pending() == []


def test_one_of_two_tellers_has_an_event(place: Place) -> None:
    place.batches.put(a_batch())
    place.batches.move(a_batch(), DONE)
    seen = event_of(DONE)
    assert place.events.claim(seen, seen.tried(300.25))
    assert not place.events.claim(seen, seen.tried(300.5))
    assert place.events.pending() == [seen.tried(300.25)]


def test_an_event_that_was_dropped_does_not_come_back(place: Place) -> None:
    place.batches.put(a_batch())
    place.batches.move(a_batch(), DONE)
    seen = event_of(DONE)
    for _ in range(2):
        place.events.drop(seen)
        assert place.events.pending() == []
    assert not place.events.claim(seen, seen.tried(300.0))
    assert place.events.pending() == []
