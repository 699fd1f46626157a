"""Events of batches that have ended, in the table of jobs until their team has been told."""

from __future__ import annotations

from typing import Any, Final

from shared.adapters.dynamodb.conditions import used
from shared.adapters.dynamodb.reaching import Report
from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.adapters.dynamodb.table import Table
from shared.domain.batches.events import KEPT_SECONDS, BatchEvent
from shared.resources import BATCH_EVENTS_PARTITION

_AS_SEEN: Final = "attribute_exists(pk) AND tries = :seen"


class DynamoBatchEvents:
    """Implements :class:`shared.ports.batches.BatchEvents`."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._table = Table(client, table, report)

    def pending(self) -> list[BatchEvent]:
        """Query the partition."""
        values = {":pk": text(BATCH_EVENTS_PARTITION)}
        return [_event_of(item) for item in self._table.query("pending", "pk = :pk", values)]

    def claim(self, seen: BatchEvent, after: BatchEvent) -> bool:
        """Put the row if nobody has tried since.

        A claim that AWS's client sends twice may fail by its own doing: the next try makes up
        for it.
        """
        return self._table.put_if(
            "claim",
            event_item(after),
            ConditionExpression=_AS_SEEN,
            ExpressionAttributeValues=used({":seen": number(seen.tries)}, _AS_SEEN),
        )

    def drop(self, event: BatchEvent) -> None:
        """Delete the row."""
        self._table.delete("drop", _key(event))


def event_item(event: BatchEvent) -> Item:
    """Return an event as an item; DynamoDB may delete it when it is no news any more."""
    return {
        **_key(event),
        "ended_at": text(repr(event.ended_at)),
        "tries": number(event.tries),
        "go_at": text(repr(event.go_at)),
        "purge_at": number(int(event.ended_at) + KEPT_SECONDS),
    }


def _event_of(item: Item) -> BatchEvent:
    team, _, batch_id = item["sk"]["S"].partition("/")
    return BatchEvent(
        team=team,
        batch_id=batch_id,
        ended_at=float(item["ended_at"]["S"]),
        tries=int(item["tries"]["N"]),
        go_at=float(item["go_at"]["S"]),
    )


def _key(event: BatchEvent) -> Item:
    return key_of(BATCH_EVENTS_PARTITION, f"{event.team}/{event.batch_id}")
