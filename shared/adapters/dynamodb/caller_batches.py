"""Callers' batches in the table of jobs. What every batch has is one JSON text in its item."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Final, cast

import msgspec
from botocore.exceptions import ClientError

from shared.adapters.dynamodb.conditions import used
from shared.adapters.dynamodb.reaching import TRANSACTION_CANCELED, Report, reaching
from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.domain.batches.batch import Batch, Results
from shared.domain.errors import StoreUnavailable
from shared.domain.files import Blob, Listing
from shared.resources import (
    OPEN_CALLER_BATCHES_PARTITION,
    caller_batch_partition,
    results_partition,
)

CALLER_BATCH_CONDITIONS: Final[dict[str, str]] = {
    "caller_batch.new": "attribute_not_exists(pk)",
    "caller_batch.as_seen": "revision = :seen",
}
"""When a batch's row may be written: as a new one, or where it is as the writer saw it."""

_TRIES: Final = 5
_CONDITIONAL: Final = "ConditionalCheckFailed"
_AFTER_ALL: Final = "~"
"""Sorts after every character of an id."""

_encode: Final = msgspec.json.Encoder().encode
_batch: Final = msgspec.json.Decoder(Batch).decode


class DynamoCallerBatches:
    """Implements :class:`shared.ports.batches.CallerBatches`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._client = client
        self._table = table
        self._report = report

    def put(self, batch: Batch) -> None:
        """Put the row and its mark among the open ones, together."""
        new = {"ConditionExpression": CALLER_BATCH_CONDITIONS["caller_batch.new"]}
        self._transact("put", [self._put(_item(batch), **new), self._put(_open_key(batch))])

    def get(self, team: str, batch_id: str) -> Batch | None:
        """Get the row."""
        key = key_of(caller_batch_partition(team), batch_id)
        with self._reaching("get"):
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _batch_of(found["Item"]) if "Item" in found else None

    def move(self, seen: Batch, after: Batch) -> Batch:
        """Put the row if it is as seen; at rest, its mark goes with that."""
        condition = CALLER_BATCH_CONDITIONS["caller_batch.as_seen"]
        as_seen = {
            "ConditionExpression": condition,
            "ExpressionAttributeValues": used({":seen": number(seen.revision)}, condition),
        }
        writes = [self._put(_item(after), **as_seen)]
        if after.is_at_rest:
            writes.append({"Delete": {"TableName": self._table, "Key": _open_key(seen)}})
        if self._transact("move", writes):
            return after
        return self.get(seen.team, seen.id) or seen

    def list_batches(self, team: str, prefix: str, listing: Listing) -> list[Batch]:
        """Query the team's partition in the order of ids, which is that of age."""
        first, last = prefix, prefix + _AFTER_ALL
        if listing.after is not None:
            first, last = (first, listing.after) if listing.newest_first else (listing.after, last)
        # BETWEEN has its ends inside it, so one more is asked for and the cursor is left out.
        found = self._query(
            "list_batches",
            "pk = :pk AND sk BETWEEN :first AND :last",
            {
                ":pk": text(caller_batch_partition(team)),
                ":first": text(first),
                ":last": text(last),
            },
            limit=listing.limit + 1,
            forward=not listing.newest_first,
        )
        batches = [_batch_of(item) for item in found if item["sk"]["S"] != listing.after]
        return batches[: listing.limit]

    def open_batches(self) -> list[tuple[str, str]]:
        """Query the marks."""
        values = {":pk": text(OPEN_CALLER_BATCHES_PARTITION)}
        found = self._query("open_batches", "pk = :pk", values)
        pairs = [item["sk"]["S"].partition("/") for item in found]
        return [(team, batch_id) for team, _, batch_id in pairs]

    def delete(self, batch: Batch) -> None:
        """Delete the row and its mark."""
        keys = [key_of(caller_batch_partition(batch.team), batch.id), _open_key(batch)]
        deletes = [{"Delete": {"TableName": self._table, "Key": key}} for key in keys]
        self._transact("delete", deletes)

    def add_results(self, team: str, batch_id: str, results: Results, purge_at: int) -> None:
        """Put a row of its own for the file."""
        item = {
            **key_of(results_partition(team, batch_id), results.blob.key),
            "bytes": number(results.blob.bytes),
            "succeeded": number(results.succeeded),
            "failed": number(results.failed),
            "purge_at": number(purge_at),
        }
        with self._reaching("add_results"):
            self._client.put_item(TableName=self._table, Item=item)

    def results(self, team: str, batch_id: str) -> list[Results]:
        """Query the batch's partition."""
        values = {":pk": text(results_partition(team, batch_id))}
        return [_results_of(item) for item in self._query("results", "pk = :pk", values)]

    def _put(self, item: Item, **more: Any) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": item, **more}}

    def _transact(self, name: str, writes: list[dict[str, Any]]) -> bool:
        """Carry a transaction out; False where the first of its rows is not as it should be."""
        for _ in range(_TRIES):
            try:
                with self._reaching(name, passing=TRANSACTION_CANCELED):
                    self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                reasons = cast("list[dict[str, Any]]", error.response["CancellationReasons"])
                if reasons[0].get("Code") == _CONDITIONAL:
                    return False
            else:
                return True
        raise StoreUnavailable("jobs table")

    def _query(
        self,
        operation: str,
        where: str,
        values: Item,
        *,
        limit: int | None = None,
        forward: bool = True,
    ) -> list[Item]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": where,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": forward,
            "ConsistentRead": True,
        }
        found: list[Item] = []
        while limit is None or len(found) < limit:
            if limit is not None:
                asked["Limit"] = limit - len(found)
            with self._reaching(operation):
                page = self._client.query(**asked)
            found += page["Items"]
            asked["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            if not asked["ExclusiveStartKey"]:
                break
        return found

    def _reaching(self, operation: str, *, passing: str = "") -> AbstractContextManager[None]:
        return reaching(self._report, operation, passing=passing)


def _item(batch: Batch) -> Item:
    return {
        **key_of(caller_batch_partition(batch.team), batch.id),
        "revision": number(batch.revision),
        "status": text(batch.status),
        "batch": text(_encode(batch).decode()),
        "purge_at": number(batch.purge_at),
    }


def _batch_of(item: Item) -> Batch:
    return _batch(item["batch"]["S"])


def _open_key(batch: Batch) -> Item:
    return key_of(OPEN_CALLER_BATCHES_PARTITION, f"{batch.team}/{batch.id}")


def _results_of(item: Item) -> Results:
    blob = Blob(item["sk"]["S"], int(item["bytes"]["N"]))
    return Results(blob, int(item["succeeded"]["N"]), int(item["failed"]["N"]))
