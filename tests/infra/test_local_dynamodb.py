"""Where plain moto differs from DynamoDB in ways that money depends on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.infra.local_stack import LocalAws

TABLE = "counters"
CAP = 50


@pytest.fixture
def dynamodb(local_aws: LocalAws) -> Iterator[Any]:
    client = local_aws.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    yield client
    client.delete_table(TableName=TABLE)


def add_one(partition: str, cap: int = CAP) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "Key": {"pk": {"S": partition}},
        "UpdateExpression": "ADD n :one",
        "ConditionExpression": "attribute_not_exists(n) OR n < :cap",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":cap": {"N": str(cap)}},
    }


def count(dynamodb: Any, partition: str) -> int:
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": partition}}).get("Item", {})
    return int(item.get("n", {"N": "0"})["N"])


CANCELLED = {"ConditionalCheckFailedException", "TransactionCanceledException"}


def granted(call: Any) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in CANCELLED:
            raise
        return False
    return True


def test_64_threads_are_granted_exactly_the_cap(dynamodb: Any) -> None:
    with ThreadPoolExecutor(64) as threads:
        calls = [lambda: dynamodb.update_item(**add_one("plain"))] * 128
        assert sum(threads.map(granted, calls)) == CAP
    assert count(dynamodb, "plain") == CAP


def test_64_transactions_are_granted_exactly_the_cap(dynamodb: Any) -> None:
    def transact() -> None:
        dynamodb.transact_write_items(
            TransactItems=[{"Update": add_one("held")}, {"Update": add_one("other", 999)}]
        )

    with ThreadPoolExecutor(64) as threads:
        assert sum(threads.map(granted, [transact] * 64)) == CAP
    assert count(dynamodb, "held") == count(dynamodb, "other") == CAP


def test_a_cancelled_transaction_leaves_every_item_as_it_was(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "there"}, "n": {"N": "7"}})
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "full"}, "n": {"N": "1"}})
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Update": add_one("there")},
                {"Put": {"TableName": TABLE, "Item": {"pk": {"S": "new"}}}},
                {"Update": add_one("full", 1)},
            ]
        )
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "ConditionalCheckFailed"]
    assert [count(dynamodb, name) for name in ("there", "full")] == [7, 1]
    assert dynamodb.scan(TableName=TABLE)["Count"] == 2


def test_a_cancelled_transaction_touches_no_neighbour(dynamodb: Any) -> None:
    # Rolling back by restoring the table would lose the identity of rows nobody touched.
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "neighbour"}, "n": {"N": "3"}})
    with pytest.raises(ClientError):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "gone"}}}},
                {"Update": add_one("x", 0) | {"ConditionExpression": "n > :cap"}},
            ]
        )
    assert count(dynamodb, "neighbour") == 3
    assert dynamodb.scan(TableName=TABLE)["Count"] == 1


def test_the_same_token_applies_a_transaction_once(dynamodb: Any) -> None:
    for _ in range(3):
        dynamodb.transact_write_items(
            ClientRequestToken="once", TransactItems=[{"Update": add_one("token")}]
        )
    assert count(dynamodb, "token") == 1


def test_the_same_token_with_another_transaction_is_refused(dynamodb: Any) -> None:
    dynamodb.transact_write_items(
        ClientRequestToken="mine", TransactItems=[{"Update": add_one("first")}]
    )
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(
            ClientRequestToken="mine", TransactItems=[{"Update": add_one("second")}]
        )
    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"
    assert count(dynamodb, "second") == 0


def test_a_token_of_a_cancelled_transaction_may_be_tried_again(dynamodb: Any) -> None:
    def attempt() -> None:
        dynamodb.transact_write_items(
            ClientRequestToken="again",
            TransactItems=[{"Update": add_one("late") | {"ConditionExpression": "n < :cap"}}],
        )

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        attempt()
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "late"}, "n": {"N": "1"}})
    attempt()
    assert count(dynamodb, "late") == 2


ROWS = "rows"
EVERY_TYPE: dict[str, Any] = {
    "text": {"S": "höher"}, "empty": {"S": ""}, "number": {"N": "1.50"}, "yes": {"BOOL": True},
    "no": {"BOOL": False}, "nothing": {"NULL": True}, "bytes": {"B": b"\x00\xff"},
    "names": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}, "blobs": {"BS": [b"\x00", b"\x01"]},
    "list": {"L": [{"S": "a"}, {"M": {"deep": {"L": [{"B": b"\x02"}, {"NULL": True}]}}}]},
    "map": {"M": {}},
}  # fmt: skip


@pytest.fixture
def rows(local_aws: LocalAws) -> Iterator[Any]:
    """Three partitions, each with rows a0 to a4, of every type that there is."""
    client = local_aws.client("dynamodb")
    keys = {"pk": "HASH", "sk": "RANGE"}
    client.create_table(
        TableName=ROWS,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    for partition in ("left", "middle", "right"):
        for number in range(5):
            client.put_item(TableName=ROWS, Item=row(partition, number))
    yield client
    client.delete_table(TableName=ROWS)


def row(partition: str, number: int) -> dict[str, Any]:
    return {"pk": {"S": partition}, "sk": {"S": f"a{number}"}, **EVERY_TYPE}


def asked(dynamodb: Any, partition: str, **more: Any) -> list[dict[str, Any]]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=ROWS,
        KeyConditionExpression="pk = :pk AND sk > :sk",
        ExpressionAttributeValues={":pk": {"S": partition}, ":sk": {"S": "a1"}},
        **more,
    )
    return [item for page in pages for item in page["Items"]]


def test_a_query_answers_the_rows_of_its_partition_with_every_type(rows: Any) -> None:
    assert asked(rows, "middle") == [row("middle", number) for number in (2, 3, 4)]
    assert asked(rows, "nowhere") == []


def test_a_query_goes_page_by_page_and_backwards(rows: Any) -> None:
    pages = {"PaginationConfig": {"PageSize": 2}}
    assert asked(rows, "left", **pages) == [row("left", number) for number in (2, 3, 4)]
    backwards = asked(rows, "right", ScanIndexForward=False, **pages)
    assert backwards == [row("right", number) for number in (4, 3, 2)]


def test_a_query_that_finds_nothing_makes_no_partition(rows: Any) -> None:
    asked(rows, "nowhere")
    assert rows.scan(TableName=ROWS, Select="COUNT")["Count"] == 15


def test_a_read_of_one_row_has_every_type(rows: Any) -> None:
    key = {"pk": {"S": "left"}, "sk": {"S": "a0"}}
    assert rows.get_item(TableName=ROWS, Key=key)["Item"] == row("left", 0)
    read = rows.batch_get_item(RequestItems={ROWS: {"Keys": [key]}})
    assert read["Responses"][ROWS] == [row("left", 0)]
