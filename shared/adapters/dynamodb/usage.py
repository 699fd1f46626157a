"""Usage rows read back, feedback, and rollups on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared.adapters.dynamodb.reaching import CONDITION_FAILED, Report, reaching
from shared.adapters.dynamodb.rows import Item, number, text
from shared.resources import (
    TEAMS_PARTITION,
    feedback_partition,
    rollup_partition,
    usage_partition,
)

if TYPE_CHECKING:
    from shared.domain.rollups import Cells, Rollup
    from shared.domain.usage_rows import Feedback, UsageRow

# How usage is kept is imported where it is read: no answer needs it, and each module costs a cold
# start a millisecond.
_PAGE_ROWS: Final = 50
"""A page must come within the time that the client waits for an answer, from moto too."""


class DynamoUsage:
    """Implements :class:`shared.ports.ledger.UsageLedger` on the ledger table."""

    def __init__(self, client: Any, table: str, report: Report) -> None:
        self._client = client
        self._table = table
        self._report = report

    def usage_rows(self, team: str, since: str, until: str) -> Iterator[UsageRow]:
        """Query the day's partition between two times."""
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        day, _, first = since.partition("T")
        last = until.partition("T")[2] if until.startswith(day) else "~"
        partition = usage_partition(team, day)
        # A row's sort key goes on after its time, so that it comes after a bound of that time.
        found = self._query("usage_rows", partition, first, last)
        return map(rows.usage_row_of, found)

    def feedback(self, team: str, day: str) -> dict[str, Feedback]:
        """Query the day's partition."""
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        found = self._query("feedback", feedback_partition(team, day))
        return {each.request_id: each for each in map(rows.feedback_of, found)}

    def give_feedback(self, team: str, day: str, feedback: Feedback) -> None:
        """Put it unless something was said later."""
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        item = rows.feedback_item(team, day, feedback)
        with suppress(ClientError), reaching(self._report, "feedback", passing=CONDITION_FAILED):
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR given_at <= :given",
                ExpressionAttributeValues={":given": item["given_at"]},
            )

    def hours(self, team: str, day: str) -> dict[str, Rollup]:
        """Query the day's hours."""
        from shared.domain.usage_rows import hours_of  # noqa: PLC0415

        first, *_, last = hours_of(day)
        return self._rollups(team, first, last)

    def days(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        """Query the days."""
        return self._rollups(team, first, last)

    def close(self, team: str, period: str, cells: Cells, revision: int) -> None:
        """Write the cells if the rollup is as seen."""
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        packed = rows.cells_packed(cells)
        if len(packed) > rows.LARGEST_CELLS_BYTES:
            return
        values: Item = {":cells": {"B": packed}, ":purge": number(_purge_at(period))}
        if revision:
            values[":revision"] = number(revision)
        with suppress(ClientError), reaching(self._report, "close", passing=CONDITION_FAILED):
            self._client.update_item(
                TableName=self._table,
                Key=rows.rollup_key(team, period),
                UpdateExpression="SET cells = :cells, purge_at = :purge",
                ConditionExpression="revision = :revision"
                if revision
                else "attribute_not_exists(revision)",
                ExpressionAttributeValues=values,
            )

    def reopen(self, team: str, hours: Iterable[str], until: int) -> None:
        """Take the cells away and count the revision, in one transaction."""
        named = set(hours)
        periods = sorted(named | {hour[:10] for hour in named})
        with reaching(self._report, "reopen"):
            self._client.transact_write_items(
                TransactItems=[{"Update": self._reopening(team, each, until)} for each in periods]
            )

    def teams(self) -> list[str]:
        """Query the partition that names them."""
        return [item["sk"]["S"] for item in self._query("teams", TEAMS_PARTITION)]

    def _reopening(self, team: str, period: str, until: int) -> dict[str, Any]:
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        return {
            "TableName": self._table,
            "Key": rows.rollup_key(team, period),
            "UpdateExpression": "SET open_until = :until, purge_at = :purge "
            "ADD revision :one REMOVE cells",
            "ExpressionAttributeValues": {
                ":until": number(until),
                ":one": number(1),
                ":purge": number(_purge_at(period)),
            },
        }

    def _rollups(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415

        bounds = [rows.rollup_key(team, period)["sk"]["S"] for period in (first, last)]
        found = self._query("rollups", rollup_partition(team), *bounds)
        return {rows.period_of(item): rows.rollup_of(item) for item in found}

    def _query(self, name: str, partition: str, first: str = "", last: str = "") -> Iterator[Item]:
        """Yield the items of a partition, all or from one sort key to another, page by page."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": text(partition)},
            "ConsistentRead": True,
            "Limit": _PAGE_ROWS,
        }
        if first:
            asked["KeyConditionExpression"] += " AND sk BETWEEN :first AND :last"
            asked["ExpressionAttributeValues"] |= {":first": text(first), ":last": text(last)}
        while True:
            with reaching(self._report, name):
                page = self._client.query(**asked)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _purge_at(period: str) -> int:
    from shared.adapters.dynamodb import rollup_rows as rows  # noqa: PLC0415
    from shared.domain.usage_rows import epoch, hour_start  # noqa: PLC0415

    hour = period if "T" in period else f"{period}T23"
    return rows.purge_at(epoch(hour_start(hour)))
