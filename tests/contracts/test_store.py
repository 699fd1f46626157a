"""What ``Store`` and ``KeyAdmin`` promise, on the fake and on DynamoDB (moto) alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Protocol

import boto3
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

from shared.adapters import aws
from shared.adapters.aws_json import Timeouts
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.adapters.dynamodb.rows import answer_item
from shared.adapters.dynamodb.store import DynamoStore
from shared.adapters.memory import MemoryStore
from shared.domain.entries import Claim, Entry, Found, KeyRow, Repeat, Settlement, StoredAnswer
from shared.domain.errors import StoreUnavailable
from shared.domain.freshness import Freshness
from shared.domain.health import Health, Rest
from shared.domain.prices import TokenCounts
from shared.resources import CACHE_TABLE, LEDGER_TABLE

TOKENS = TokenCounts(input=10, cache_read=3, cache_write=2, output=5)
KEY = KeyRow("search.1", "dev", "search", "d" * 64, "web", 100)
ANSWER = StoredAnswer(
    team="search", digest="a" * 64, body=b'{"x":1}' * 1000, model="gpt-6-luna", tier="nano",
    tokens=TOKENS, stored_at=1000, expires_at=4600, freshness="default",
)  # fmt: skip
ENTRY = Entry(
    request_id="req_1", opened_at=1_795_330_000.25, team="search", key_id="search.1", door="chat",
    requested_model="auto", model="gpt-6-luna", provider="openai", tier="nano",
    price_version="v", stream=False, cache="miss", route_reason="r", feature="f", task=None,
)  # fmt: skip
DAY = "2026-11-22"
CLAIM = Claim("search", "k" * 64, "b" * 64, "req_1", lease_until=500, purge_at=5000)
SETTLEMENT = Settlement("answered", TOKENS, "provider", 3500, 350000, "stop")


class Place(Protocol):
    """A store, its key admin, and a way to look at what was settled."""

    store: Any
    admin: Any

    def settlement_of(self, entry: Entry) -> tuple[str, int] | None: ...


@dataclasses.dataclass
class InMemory:
    store: MemoryStore

    @property
    def admin(self) -> MemoryStore:
        return self.store

    def settlement_of(self, entry: Entry) -> tuple[str, int] | None:
        settled = self.store.ledger.rows.get((entry.request_id, entry.attempt))
        return (settled.outcome, settled.cost_nano) if settled else None


@dataclasses.dataclass
class OnDynamo:
    store: DynamoStore
    admin: DynamoKeyAdmin
    client: Any
    reported: list[tuple[str, str]]

    def settlement_of(self, entry: Entry) -> tuple[str, int] | None:
        rows = self.client.query(
            TableName="ledger",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "search/usage/2026-11-22"}},
        )["Items"]
        [row] = [row for row in rows if row["request_id"]["S"] == entry.request_id]
        return row["status"]["S"], int(row["cost_nano"]["N"])


def create_table(client: Any, name: str, shape: Any) -> None:
    keys = [(shape.partition_key, "HASH"), (shape.sort_key, "RANGE")]
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnDynamo]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        yield on_tables(client, client)


@pytest.fixture
def on_the_wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[OnDynamo]:
    """The router's own client, over HTTP as on AWS."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    aws.session.cache_clear()
    client = boto3.session.Session().client("dynamodb")
    yield on_tables(client, wire.connect(Timeouts(connect=5, read=30)))
    for table in ("cache", "ledger"):
        client.delete_table(TableName=table)
    server.stop()
    aws.session.cache_clear()


def on_tables(client: Any, asked_by_store: Any) -> OnDynamo:
    create_table(client, "cache", CACHE_TABLE)
    create_table(client, "ledger", LEDGER_TABLE)
    reported: list[tuple[str, str]] = []
    store = DynamoStore(
        asked_by_store,
        cache_table="cache",
        ledger_table="ledger",
        report=lambda operation, code: reported.append((operation, code)),
    )
    return OnDynamo(store, DynamoKeyAdmin(client, "ledger"), client, reported)


@pytest.fixture(params=["memory", "dynamo", "on_the_wire"])
def place(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return InMemory(MemoryStore())
    return request.getfixturevalue(request.param)


def test_a_key_and_an_answer_are_read_back_together(place: Place) -> None:
    assert place.store.look_up("search", KEY.digest, ANSWER.digest) == Found(None, None, {})
    place.admin.create(KEY)
    assert place.store.look_up("search", KEY.digest, ANSWER.digest) == Found(KEY, None, {})
    assert place.store.look_up("search", KEY.digest, None) == Found(KEY, None, {})
    place.store.put_answer(ANSWER, purge_at=9999)
    assert place.store.look_up("search", KEY.digest, ANSWER.digest) == Found(KEY, ANSWER, {})
    assert place.store.look_up("search", None, ANSWER.digest) == Found(None, ANSWER, {})


def test_an_answer_without_a_tier_is_read_back(place: Place) -> None:
    bare = dataclasses.replace(ANSWER, tier=None)
    place.store.put_answer(bare, purge_at=9999)
    assert place.store.look_up("search", None, ANSWER.digest).answer == bare


def test_another_team_reads_nothing(place: Place) -> None:
    place.admin.create(KEY)
    place.store.put_answer(ANSWER, purge_at=9999)
    assert place.store.look_up("support", KEY.digest, ANSWER.digest) == Found(None, None, {})


def test_a_hit_is_recorded_and_its_repeat_counted(place: Place) -> None:
    place.store.put_answer(ANSWER, purge_at=9999)
    place.store.record_hit(ENTRY, SETTLEMENT, Repeat(ANSWER), DAY)
    assert place.settlement_of(ENTRY) == ("answered", 3500)
    counted = place.store.look_up("search", None, ANSWER.digest).answer
    assert counted == dataclasses.replace(ANSWER, repeats=1)


def test_a_promotion_keeps_the_answer_longer_from_when_it_was_stored(place: Place) -> None:
    place.store.put_answer(ANSWER, purge_at=9999)
    place.store.record_hit(
        ENTRY, SETTLEMENT, Repeat(ANSWER, Freshness("frequent", 86400), 200_000), DAY
    )
    promoted = place.store.look_up("search", None, ANSWER.digest).answer
    assert (promoted.freshness, promoted.expires_at) == ("frequent", 1000 + 86400)


def test_a_repeat_of_a_replaced_answer_is_recorded_but_not_counted(place: Place) -> None:
    newer = dataclasses.replace(ANSWER, stored_at=2000)
    place.store.put_answer(newer, purge_at=9999)
    place.store.record_hit(ENTRY, SETTLEMENT, Repeat(ANSWER), DAY)
    assert place.settlement_of(ENTRY) == ("answered", 3500)
    assert place.store.look_up("search", None, ANSWER.digest).answer == newer


def test_a_hit_without_a_repeat_is_recorded(place: Place) -> None:
    place.store.record_hit(ENTRY, SETTLEMENT, None, DAY)
    assert place.settlement_of(ENTRY) == ("answered", 3500)


def test_keys_are_listed_by_team_or_all_and_revoked_once(place: Place) -> None:
    other = dataclasses.replace(KEY, key_id="support.1", team="support", digest="e" * 64)
    place.admin.create(other)
    place.admin.create(KEY)
    assert place.admin.list_keys(None) == [KEY, other]
    assert place.admin.list_keys("support") == [other]
    assert place.admin.list_keys("nobody") == []
    assert place.admin.revoke("search.1", at=500).revoked_at == 500
    assert place.admin.revoke("search.1", at=900).revoked_at == 500
    assert place.admin.revoke("search.2", at=900) is None
    assert place.store.look_up("search", KEY.digest, None).key.revoked_at == 500


def test_an_answer_that_lies_under_a_foreign_key_is_not_served(dynamo: OnDynamo) -> None:
    item = answer_item(ANSWER, 9999) | {"pk": {"S": f"support/{ANSWER.digest}"}}
    dynamo.client.put_item(TableName="cache", Item=item)
    assert dynamo.store.look_up("support", None, ANSWER.digest).answer is None
    assert dynamo.reported == [("look_up", "ForeignAnswer")]


@pytest.mark.parametrize(
    "work",
    [
        lambda store: store.look_up("search", "d", "a"),
        lambda store: store.look_up("search", "d", None),
        lambda store: store.claim(CLAIM, 1),
        lambda store: store.fulfil(CLAIM),
        lambda store: store.release(CLAIM),
        lambda store: store.count_failure("m"),
        lambda store: store.rest("m", Rest(1, "failing")),
        lambda store: store.forget_failures("m"),
        lambda store: store.record_hit(ENTRY, SETTLEMENT, None, DAY),
        lambda store: store.record_hit(ENTRY, SETTLEMENT, Repeat(ANSWER), DAY),
        lambda store: store.put_answer(ANSWER, 1),
    ],
)
def test_a_missing_table_is_an_unavailable_store_and_reported(dynamo: OnDynamo, work: Any) -> None:
    for table in ("cache", "ledger"):
        dynamo.client.delete_table(TableName=table)
    with pytest.raises(StoreUnavailable):
        work(dynamo.store)
    assert {code for _, code in dynamo.reported} == {"ResourceNotFoundException"}


def test_without_the_cache_table_keys_are_read_and_nothing_is_found_in_it(
    dynamo: OnDynamo,
) -> None:
    dynamo.admin.create(KEY)
    dynamo.client.delete_table(TableName="cache")
    assert dynamo.store.look_up("search", KEY.digest, ANSWER.digest) == Found(KEY, None, {})
    assert dynamo.store.look_up("search", None, ANSWER.digest) == Found(None, None, {})
    assert dynamo.reported


@pytest.mark.parametrize(("left", "is_down"), [("cache", False), ("ledger", True)])
def test_what_dynamodb_leaves_unprocessed_is_asked_for_once_more(
    dynamo: OnDynamo, monkeypatch: pytest.MonkeyPatch, left: str, is_down: bool
) -> None:
    dynamo.admin.create(KEY)
    dynamo.store.put_answer(ANSWER, purge_at=9999)
    real, calls = dynamo.client.batch_get_item, []

    def partly(RequestItems: Any) -> Any:  # noqa: N803
        calls.append(RequestItems)
        kept = {table: keys for table, keys in RequestItems.items() if table != left}
        found = real(RequestItems=kept) if kept else {"Responses": {}}
        again = {left: RequestItems[left]} if len(calls) < never else {}
        if not again:
            found = real(RequestItems=RequestItems)
        return {**found, "UnprocessedKeys": again}

    monkeypatch.setattr(dynamo.client, "batch_get_item", partly)
    never = 2
    assert dynamo.store.look_up("search", KEY.digest, ANSWER.digest) == Found(KEY, ANSWER, {})
    calls.clear()
    never = 99
    if is_down:
        with pytest.raises(StoreUnavailable):
            dynamo.store.look_up("search", KEY.digest, ANSWER.digest)
    else:
        assert dynamo.store.look_up("search", KEY.digest, ANSWER.digest) == Found(KEY, None, {})


def test_revocations_are_read_consistently(
    dynamo: OnDynamo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def watched(RequestItems: Any) -> Any:  # noqa: N803
        asked.append(RequestItems)
        return {"Responses": {}}

    monkeypatch.setattr(dynamo.client, "batch_get_item", watched)
    dynamo.store.look_up("search", KEY.digest, ANSWER.digest)
    assert asked[0]["ledger"]["ConsistentRead"] is True


def test_bodies_are_stored_compressed(dynamo: OnDynamo) -> None:
    dynamo.store.put_answer(ANSWER, purge_at=9999)
    item = dynamo.client.scan(TableName="cache")["Items"][0]
    assert len(item["body"]["B"]) < len(ANSWER.body) / 10
    assert item["purge_at"] == {"N": "9999"}


def test_the_key_itself_is_stored_nowhere(dynamo: OnDynamo) -> None:
    from shared.usecases.keys import Keys

    made = Keys(dynamo.admin, "dev", lambda: 1.0).create("search", "web")
    assert made.text not in str(dynamo.client.scan(TableName="ledger"))
    assert made.row in dynamo.admin.list_keys("search")


def test_the_first_claim_stands_until_its_lease_or_its_memory_runs_out(place: Place) -> None:
    other = dataclasses.replace(CLAIM, request_id="req_2", body_digest="c" * 64)
    assert place.store.claim(CLAIM, now=100) is None
    assert place.store.claim(CLAIM, now=100) in {None, CLAIM}
    assert place.store.claim(other, now=499) == CLAIM
    assert place.store.claim(other, now=500) is None
    assert place.store.claim(CLAIM, now=501) == other or other.lease_until <= 501


def test_an_answered_claim_outlives_its_lease(place: Place) -> None:
    other = dataclasses.replace(CLAIM, request_id="req_2")
    answered = dataclasses.replace(CLAIM, answer=dataclasses.replace(ANSWER, digest=""))
    place.store.claim(CLAIM, now=100)
    place.store.fulfil(answered)
    assert place.store.claim(other, now=4999) == answered
    assert place.store.claim(other, now=5000) is None


def test_only_its_own_call_fulfils_or_releases_a_claim(place: Place) -> None:
    other = dataclasses.replace(CLAIM, request_id="req_2")
    place.store.claim(CLAIM, now=100)
    place.store.release(other)
    place.store.fulfil(dataclasses.replace(other, answer=ANSWER))
    assert place.store.claim(other, now=100) == CLAIM
    place.store.release(CLAIM)
    assert place.store.claim(other, now=100) is None


def test_failures_rests_and_recoveries_are_seen_by_all(place: Place) -> None:
    def health() -> Any:
        return place.store.look_up("search", None, None).health

    assert [place.store.count_failure("gpt-6.1-terra") for _ in range(3)] == [1, 2, 3]
    place.store.rest("gpt-6.1-terra", Rest(1234, "limited"))
    place.store.rest("m", Rest(99, "failing"))
    assert health() == {
        "gpt-6.1-terra": Health(3, 1234, "limited"),
        "m": Health(0, 99, "failing"),
    }
    place.store.forget_failures("gpt-6.1-terra")
    assert set(health()) == {"m"}


def test_an_answer_too_large_for_a_row_is_not_stored(dynamo: OnDynamo) -> None:
    import random

    noise = random.Random(1).randbytes(400_000)  # noqa: S311
    dynamo.store.put_answer(dataclasses.replace(ANSWER, body=noise), purge_at=1)
    assert dynamo.store.look_up("search", None, ANSWER.digest).answer is None
    assert dynamo.reported == []


def test_the_promotion_moves_the_purge_too(dynamo: OnDynamo) -> None:
    dynamo.store.put_answer(ANSWER, purge_at=9999)
    dynamo.store.record_hit(
        ENTRY, SETTLEMENT, Repeat(ANSWER, Freshness("frequent", 86400), 200_000), DAY
    )
    [item] = dynamo.client.scan(TableName="cache")["Items"]
    assert item["purge_at"] == {"N": "200000"}
