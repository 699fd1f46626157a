"""Deletes expired rows, as DynamoDB's time to live does, on the world's clock.

DynamoDB takes up to days; here the delay is a setting and 0 unless set. Readers must check
expiry on their own all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.declared import ExpiringTable
from shared.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REST_SECONDS = 10.0
LOOK_SECONDS = 1.0
"""How soon a jump of the clock ends a rest."""
IDLE_SHARE = 50
"""A sweep is followed by a rest at least this many times as long: moto copies what it scans."""


@dataclass
class TtlSweeper:
    """Sweeps the tables whose TTL is on. ``delay_seconds`` is how late a deletion is."""

    dynamodb: DynamoDBClient
    tables: tuple[ExpiringTable, ...]
    clock: Clock
    report: Callable[[str], None]
    delay_seconds: float = 0.0

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            begun = time.monotonic()
            try:
                await asyncio.to_thread(self.sweep)
            except (ClientError, BotoCoreError) as error:
                self.report(f"TTL sweep failed: {error}")
            await self._rest(max(REST_SECONDS, (time.monotonic() - begun) * IDLE_SHARE))

    async def _rest(self, seconds: float) -> None:
        """Rest, or until the clock jumps: by itself little expires in so short a time."""
        begun, before = time.monotonic(), self.clock()
        while (rested := time.monotonic() - begun) < seconds:
            await asyncio.sleep(LOOK_SECONDS)
            if self.clock() - before > rested + 2 * LOOK_SECONDS:
                break

    def sweep(self) -> int:
        """Delete what has expired now and return how many rows that was."""
        before = int(self.clock() - self.delay_seconds)
        return sum(self._sweep_table(table, before) for table in self.tables)

    def _sweep_table(self, table: ExpiringTable, before: int) -> int:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=table.name,
            ProjectionExpression=", ".join(f"#k{i}" for i in range(len(table.keys))),
            **_expired(table, before, keys=True),
        )
        expired = [item for page in pages for item in page["Items"]]
        return sum(self._delete(table, item, before) for item in expired)

    def _delete(self, table: ExpiringTable, key: dict[str, Any], before: int) -> int:
        rule = _expired(table, before, keys=False)
        rule["ConditionExpression"] = rule.pop("FilterExpression")
        try:
            self.dynamodb.delete_item(TableName=table.name, Key=key, **rule)
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return 0  # renewed since the scan
        return 1


def _expired(table: ExpiringTable, before: int, *, keys: bool) -> dict[str, Any]:
    """Return the filter for rows at or past their time; rows without a number never expire."""
    names = {"#ttl": table.attribute}
    if keys:
        names |= {f"#k{i}": key for i, key in enumerate(table.keys)}
    return {
        "FilterExpression": "attribute_type(#ttl, :number) AND #ttl <= :before",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {":number": {"S": "N"}, ":before": {"N": str(before)}},
    }
