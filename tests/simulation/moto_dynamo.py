"""moto behind the real boto3 client, in this process: what the small DynamoDB is held against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.client import BaseClient
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb import dynamodb_backends

from local.aws.moto_patches import apply_moto_patches
from shared.resources import LEDGER_TABLE
from tests.simulation.schemes import TABLE
from tests.simulation.small_dynamo import Key, Snapshot
from tests.simulation.world import new_client

_SEND: Any = vars(BaseClient)["_make_api_call"]


class MotoDynamo:
    """One table; every call goes the whole way through botocore and moto."""

    def __init__(self, client: Any) -> None:
        self._client = client
        keys = (LEDGER_TABLE.partition_key, LEDGER_TABLE.sort_key)
        self.carry_out(
            "CreateTable",
            {
                "TableName": TABLE,
                "KeySchema": [
                    {"AttributeName": name, "KeyType": kind}
                    for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in keys
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )

    def items(self) -> Snapshot:
        """Read moto's own table, without a call."""
        table = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE]
        found: dict[Key, Any] = {}
        for item in table.all_items():
            attributes = item.to_json()["Attributes"]
            found[attributes["pk"]["S"], attributes["sk"]["S"]] = attributes
        return found

    def carry_out(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Let boto3 make the call."""
        # boto3 puts its token into what it is given.
        answer: dict[str, Any] = _SEND(self._client, operation, dict(asked))
        return answer


@contextmanager
def moto_dynamo() -> Iterator[MotoDynamo]:
    """Serve a fresh moto."""
    apply_moto_patches()
    with mock_aws():
        yield MotoDynamo(new_client())
