"""Callers' batches in the table of jobs. What every batch has is one JSON text in its item."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.adapters.dynamodb.batch_events import event_item
from shared.adapters.dynamodb.conditions import used
from shared.adapters.dynamodb.reaching import Report
from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.adapters.dynamodb.table import Table
from shared.domain.batches.batch import Batch, Results
from shared.domain.batches.events import event_of
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

_AFTER_ALL: Final = "~"
"""Sorts after every character of an id."""

_encode: Final = msgspec.json.Encoder().encode
_batch: Final = msgspec.json.Decoder(Batch).decode


class DynamoCallerBatches:
    """Implements :class:`shared.ports.batches.CallerBatches`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._table = Table(client, table, report)

    def put(self, batch: Batch) -> None:
        """Put the row and its mark among the open ones, together."""
        new = {"ConditionExpression": CALLER_BATCH_CONDITIONS["caller_batch.new"]}
        put = self._table.to_put
        self._table.transact("put", [put(_item(batch), **new), put(_open_key(batch))])

    def get(self, team: str, batch_id: str) -> Batch | None:
        """Get the row."""
        item = self._table.get("get", key_of(caller_batch_partition(team), batch_id))
        return _batch_of(item) if item else None

    def move(self, seen: Batch, after: Batch) -> Batch:
        """Put the row if it is as seen; at rest, its mark goes and its event comes with that."""
        condition = CALLER_BATCH_CONDITIONS["caller_batch.as_seen"]
        as_seen = {
            "ConditionExpression": condition,
            "ExpressionAttributeValues": used({":seen": number(seen.revision)}, condition),
        }
        writes = [self._table.to_put(_item(after), **as_seen)]
        if after.is_at_rest:
            event = event_item(event_of(after))
            writes += [self._table.to_delete(_open_key(seen)), self._table.to_put(event)]
        if self._table.transact("move", writes):
            return after
        return self.get(seen.team, seen.id) or seen

    def list_batches(self, team: str, prefix: str, listing: Listing) -> list[Batch]:
        """Query the team's partition in the order of ids, which is that of age."""
        first, last = prefix, prefix + _AFTER_ALL
        if listing.after is not None:
            first, last = (first, listing.after) if listing.newest_first else (listing.after, last)
        # BETWEEN has its ends inside it, so one more is asked for and the cursor is left out.
        found = self._table.query(
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
        found = self._table.query("open_batches", "pk = :pk", values)
        pairs = [item["sk"]["S"].partition("/") for item in found]
        return [(team, batch_id) for team, _, batch_id in pairs]

    def delete(self, batch: Batch) -> None:
        """Delete the row and its mark."""
        keys = [key_of(caller_batch_partition(batch.team), batch.id), _open_key(batch)]
        self._table.transact("delete", [self._table.to_delete(key) for key in keys])

    def add_results(self, team: str, batch_id: str, results: Results, purge_at: int) -> None:
        """Put a row of its own for the file."""
        item = {
            **key_of(results_partition(team, batch_id), results.blob.key),
            "bytes": number(results.blob.bytes),
            "succeeded": number(results.succeeded),
            "failed": number(results.failed),
            "purge_at": number(purge_at),
        }
        self._table.put("add_results", item)

    def results(self, team: str, batch_id: str) -> list[Results]:
        """Query the batch's partition."""
        values = {":pk": text(results_partition(team, batch_id))}
        return [_results_of(item) for item in self._table.query("results", "pk = :pk", values)]


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
