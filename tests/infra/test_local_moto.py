"""What is changed in moto itself, in a process of its own: a change would stay in this one."""

from __future__ import annotations

import subprocess
import sys

from tests.infra.local_stack import ROOT

LISTINGS = """
from moto import backends
from local.aws.moto_patches import apply_moto_patches
plain = list(backends.list_of_moto_modules())
apply_moto_patches()
first = backends.list_of_moto_modules()
print(list(first) == plain, backends.list_of_moto_modules() is first, "dynamodb" in first)
"""


def test_the_services_are_the_same_as_before_and_listed_once() -> None:
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", LISTINGS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]


QUERIES = """
import boto3
from moto import mock_aws
from local.aws.moto_patches import apply_moto_patches

NAMES = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
TYPES = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]


def found(client, partition, **more):
    values = {":pk": {"S": partition}, ":sk": {"S": "03"}}
    asked = {"TableName": "t", "KeyConditionExpression": "pk = :pk AND sk > :sk"}
    pages = client.get_paginator("query").paginate(
        **asked, ExpressionAttributeValues=values, PaginationConfig={"PageSize": 3}, **more
    )
    return [item["sk"]["S"] for page in pages for item in page["Items"]]


with mock_aws():
    client = boto3.client(
        "dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_table(
        TableName="t", KeySchema=NAMES, AttributeDefinitions=TYPES, BillingMode="PAY_PER_REQUEST"
    )
    for number in (7, 2, 9, 4, 5, 11, 3, 8, 10):
        for pk in ("one", "two"):
            client.put_item(TableName="t", Item={"pk": {"S": pk}, "sk": {"S": f"{number:02}"}})

    def look():
        turned = found(client, "two", ScanIndexForward=False)
        count = client.scan(TableName="t")["Count"]
        return found(client, "one"), turned, found(client, "none"), count

    plain = look()
    apply_moto_patches()
    print(look() == plain, plain[0] == ["04", "05", "07", "08", "09", "10", "11"])
"""


def test_a_query_finds_in_its_partition_what_it_found_among_all_items() -> None:
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", QUERIES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
