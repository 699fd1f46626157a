"""Gateway keys as the operator handles them. The router's role could not do any of this."""

from __future__ import annotations

from typing import Any

from shared.adapters.dynamodb import rows
from shared.adapters.dynamodb.rows import key_of, number, text
from shared.domain.entries import KeyRow
from shared.resources import TEAMS_PARTITION, key_partition


class DynamoKeyAdmin:
    """Implements :class:`shared.ports.operators.KeyAdmin` on the ledger table.

    Errors of AWS pass through: the operator is the one who can act on them.
    """

    def __init__(self, client: Any, ledger_table: str) -> None:
        self._client = client
        self._table = ledger_table

    def create(self, row: KeyRow) -> None:
        """Put the key row and name its team, together."""
        new = {
            "TableName": self._table,
            "Item": rows.key_row_item(row),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        team = {"TableName": self._table, "Item": key_of(TEAMS_PARTITION, row.team)}
        self._client.transact_write_items(TransactItems=[{"Put": new}, {"Put": team}])

    def list_keys(self, team: str | None) -> list[KeyRow]:
        """Query one team's partition, or each team's in turn."""
        teams = [team] if team is not None else self._teams()
        found = [rows.key_row(item) for name in teams for item in self._query(key_partition(name))]
        return sorted(found, key=lambda row: (row.created_at, row.key_id))

    def revoke(self, key_id: str, at: int) -> KeyRow | None:
        """Find the key in its team's partition and mark it; the first revocation's time stays."""
        team = key_id.rpartition(".")[0]
        row = next((row for row in self.list_keys(team) if row.key_id == key_id), None)
        if row is None:
            return None
        marked = self._client.update_item(
            TableName=self._table,
            Key=rows.key_row_key(row.team, row.digest),
            UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :at)",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":at": number(at)},
            ReturnValues="ALL_NEW",
        )
        return rows.key_row(marked["Attributes"])

    def _teams(self) -> list[str]:
        return [item["sk"]["S"] for item in self._query(TEAMS_PARTITION)]

    def _query(self, partition: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(partition)},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]
