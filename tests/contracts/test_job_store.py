"""What ``JobStore`` and ``BatchStore`` promise, on the fake and on DynamoDB (moto) alike."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.aws.moto_patches import apply_moto_patches
from shared.adapters.dynamodb.jobs import LARGEST_ITEM_BYTES, DynamoJobs
from shared.adapters.memory_jobs import MemoryBlobs, MemoryJobs
from shared.domain.errors import StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.jobs.job import NOW, Calling, Held, Job, JobError, Wish
from shared.domain.jobs.provider_batch import Lane, ProviderBatch
from shared.resources import JOBS_TABLE
from tests.contracts.test_store import ENTRY

JOB = Job(
    id="job_" + "0" * 32,
    entry=replace(ENTRY, request_id="req_" + "0" * 32, variant="batch"),
    key_digest="d" * 64,
    state="queued",
    created_at=1.25,
    deadline=9_000.5,
    wish=Wish("e" * 64, Freshness("frequent", 60), repeats=3, choices=2, is_judged=True),
    prefix="ab",
    size=100,
    held=Held(40, "2026-11-22", 99_000),
    room="openai/gpt-6-luna",
    go_at=900.75,
    purge_at=5_000_000_000,
)
BATCH = ProviderBatch(
    id="bat_" + "0" * 32,
    provider="openai",
    model="gpt-6-luna",
    state="claiming",
    created_at=1.5,
    lines=3,
    size=300,
    first_deadline=9_000.5,
    seen=b"\x05\x00\xff",
    purge_at=5_000_000_000,
)
TEAM = JOB.team


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryJobs()
        return
    apply_moto_patches()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        keys = (JOBS_TABLE.partition_key, JOBS_TABLE.sort_key)
        client.create_table(
            TableName="jobs",
            KeySchema=[
                {"AttributeName": keys[0], "KeyType": "HASH"},
                {"AttributeName": keys[1], "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        reported: list[tuple[str, str]] = []
        yield DynamoJobs(
            client, "jobs", MemoryBlobs(), lambda *told: reported.append(told), lambda: 1000.0
        )


def test_a_job_comes_back_as_it_was_put_and_to_its_own_team_only(store: Any) -> None:
    job = replace(
        JOB,
        calling=Calling("p1", 12.5, 13),
        notes={"cost_usd": "0.1"},
        error=JobError(502, "upstream_error", "upstream_failed", "why"),
        answer=2,
        finished_at=7.25,
    )
    assert store.put(job) == job
    assert store.get(TEAM, job.id) == job
    assert store.get("other", job.id) is None
    assert store.get_many([(TEAM, job.id), ("other", job.id), (TEAM, "job_no")]) == [job]


def test_a_job_is_put_once(store: Any) -> None:
    store.put(JOB)
    assert store.put(replace(JOB, size=7)) == JOB


def test_a_barred_job_can_never_be_put_and_one_that_stands_is_not_barred(store: Any) -> None:
    assert store.bar(TEAM, JOB.id, 99) is None
    assert store.bar(TEAM, JOB.id, 99) is None
    with pytest.raises(StoreUnavailable):
        store.put(JOB)
    assert store.get(TEAM, JOB.id) is None
    other = replace(JOB, id="job_" + "1" * 32)
    store.put(other)
    assert store.bar(TEAM, other.id, 99) == other


def test_a_job_moves_only_from_what_was_seen(store: Any) -> None:
    store.put(JOB)
    assigned, failed = JOB.changed(state="assigned"), JOB.changed(state="failed")
    assert store.move(JOB, assigned) == assigned
    assert store.move(JOB, failed) == assigned
    assert store.move(JOB, assigned) == assigned, "sent once more"
    assert store.get(TEAM, JOB.id) == assigned


def test_jobs_are_listed_newest_first(store: Any) -> None:
    jobs = [replace(JOB, id=f"job_{n:032x}") for n in range(4)]
    for job in jobs:
        store.put(job)
    assert store.list_jobs(TEAM, newest=3) == jobs[:0:-1]
    assert store.list_jobs("other", newest=3) == []


def test_a_room_gives_its_rows_in_the_order_in_which_they_must_go(store: Any) -> None:
    rows = [
        replace(JOB.row(since=1.0, expires_at=9), go_at=at, job=f"job_{n:032x}", number=n)
        for n, at in enumerate((500.5, 20.0, 3000.0))
    ]
    for row in rows:
        store.file(row)
        store.file(row)
    store.file(replace(rows[0], room="anthropic/claude-haiku-5-5"))
    assert store.waiting(JOB.room, most=2) == [rows[1], rows[0]]
    store.unfile(rows[1])
    store.unfile(rows[1])
    assert store.waiting(JOB.room, most=9) == [rows[0], rows[2]]


def test_the_rooms_of_a_provider_are_those_in_which_rows_stand(store: Any) -> None:
    assert store.occupied("openai") == []
    names = ("openai/gpt-5", "openai/gpt-5-mini", "openai/gpt-5.4", "openai/gpt-50")
    row = JOB.row(since=1.0, expires_at=9)
    for number, room in enumerate((*reversed(names), *names, "anthropic/claude-haiku-5-5", NOW)):
        store.file(replace(row, room=room, go_at=5.0 * number, number=number))
    assert store.occupied("openai") == sorted(names)
    assert store.occupied("anthropic") == ["anthropic/claude-haiku-5-5"]
    assert [each.room for each in store.waiting("openai/gpt-5", most=9)] == ["openai/gpt-5"] * 2
    for each in store.waiting("openai/gpt-5-mini", most=9):
        store.unfile(each)
    assert store.occupied("openai") == sorted({*names} - {"openai/gpt-5-mini"})


def test_a_row_is_another_one_when_its_job_waits_again_at_the_same_time(store: Any) -> None:
    first = JOB.row(since=1.0, expires_at=9)
    again = replace(first, number=5)
    store.file(first)
    store.file(again)
    store.unfile(first)
    assert store.waiting(JOB.room, most=9) == [again]


@pytest.mark.parametrize("size", [0, 10, 3 * LARGEST_ITEM_BYTES])
def test_contents_of_any_size_come_back(store: Any, size: int) -> None:
    content = secrets.token_bytes(size)
    store.put_content(TEAM, JOB.id, "body", content)
    assert store.content(TEAM, JOB.id, "body") == content
    assert store.content("other", JOB.id, "body") is None
    assert store.content(TEAM, JOB.id, "answer-1") is None


def test_batches_move_only_from_what_was_seen_and_leave_the_open_ones_at_rest(store: Any) -> None:
    store.put_batch(BATCH)
    other = replace(BATCH, id="bat_" + "1" * 32)
    store.put_batch(other)
    assert store.open_batches() == [BATCH, other]
    intent = BATCH.changed(state="intent")
    assert store.move_batch(BATCH, intent) == intent
    assert store.move_batch(BATCH, BATCH.changed(state="aborted")) == intent
    done = intent.changed(state="collected", finished_at=5.0)
    assert store.move_batch(intent, done) == done
    assert store.move_batch(intent, done) == done, "sent once more"
    assert store.move_batch(intent, intent.changed(state="submitted")) == done
    assert store.open_batches() == [other]
    assert store.batch(BATCH.id) == done
    assert store.past_batches(0.0) == [done]
    assert store.past_batches(4_000_000_000.0) == []
    assert store.batch("bat_no") is None


def test_a_lane_goes_to_one(store: Any) -> None:
    free = store.lane("openai")
    assert free == Lane("openai")
    mine, theirs = free.changed(owner="a", until=5.0), free.changed(owner="b", until=6.0)
    assert store.move_lane(free, mine) == mine
    assert store.move_lane(free, theirs) == mine
    later = mine.changed(hour=7, creates=3)
    assert store.move_lane(mine, later) == later
    assert store.lane("openai") == later
    assert store.lane("anthropic") == Lane("anthropic")
