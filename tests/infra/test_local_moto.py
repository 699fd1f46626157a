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


UPDATES = """
import boto3
from moto import mock_aws
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from local.aws.moto_patches import apply_moto_patches

KEY = {"pk": {"S": "a"}}
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
ITEM = {**KEY, "gone": {"S": "x"}, "m": {"M": {}}, "l": {"L": []}}
UPDATES = [
    ("SET n = if_not_exists(n, :one) + :one REMOVE gone", {":one": {"N": "1"}}),
    ("ADD n :one", {":one": {"N": "1"}}),
    ("SET m.x = :one", {":one": {"N": "1"}}),
    ("SET pk = :one", {":one": {"N": "1"}}),
    ("SET l = list_append(l, :more)", {":more": {"L": [{"S": "z"}]}}),
]

def told():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", **KEYS)
        client.create_table(
            TableName="t", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        client.put_item(TableName="t", Item=ITEM)
        for expression, values in UPDATES * 2:
            try:
                answer = client.update_item(
                    TableName="t", Key=KEY, UpdateExpression=expression,
                    ExpressionAttributeValues=values, ReturnValues="ALL_NEW",
                )
                yield expression, answer["Attributes"], len(answer["ResponseMetadata"]["RequestId"])
            except client.exceptions.ClientError as error:
                yield expression, str(error)

plain = list(told())
apply_moto_patches()
first = UpdateExpressionParser.make("ADD n :one")
print(list(told()) == plain, UpdateExpressionParser.make("ADD n :one") is first, len(plain))
"""


def test_what_is_worked_out_once_answers_as_before() -> None:
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", UPDATES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "10"]
