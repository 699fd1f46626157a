"""Plain access to one table: each method but a query is one AWS call."""

from __future__ import annotations

from typing import Any, Final, cast

from botocore.exceptions import ClientError

from shared.adapters.dynamodb.reaching import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    Report,
    reaching,
)
from shared.adapters.dynamodb.rows import Item
from shared.domain.errors import StoreUnavailable

_TRIES: Final = 5
_CONDITIONAL: Final = "ConditionalCheckFailed"


class Table:
    """Reads consistently. Raises ``StoreUnavailable``; each call is reported by its name."""

    def __init__(self, client: Any, name: str, report: Report) -> None:
        self._client = client
        self._name = name
        self._report = report

    def put(self, operation: str, item: Item) -> None:
        """Put an item."""
        with reaching(self._report, operation):
            self._client.put_item(TableName=self._name, Item=item)

    def put_if(self, operation: str, item: Item, **condition: Any) -> bool:
        """Put an item on a condition; False where it does not hold."""
        try:
            with reaching(self._report, operation, passing=CONDITION_FAILED):
                self._client.put_item(TableName=self._name, Item=item, **condition)
        except ClientError:
            return False
        return True

    def get(self, operation: str, key: Item) -> Item | None:
        """Return an item."""
        with reaching(self._report, operation):
            found = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    def delete(self, operation: str, key: Item) -> None:
        """Delete an item; it may be gone already."""
        with reaching(self._report, operation):
            self._client.delete_item(TableName=self._name, Key=key)

    def query(
        self,
        operation: str,
        where: str,
        values: Item,
        *,
        limit: int | None = None,
        forward: bool = True,
    ) -> list[Item]:
        """Return the items of a partition that a key condition names, page by page."""
        asked: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": where,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": forward,
            "ConsistentRead": True,
        }
        found: list[Item] = []
        while limit is None or len(found) < limit:
            if limit is not None:
                asked["Limit"] = limit - len(found)
            with reaching(self._report, operation):
                page = self._client.query(**asked)
            found += page["Items"]
            asked["ExclusiveStartKey"] = page.get("LastEvaluatedKey")
            if not asked["ExclusiveStartKey"]:
                break
        return found

    def to_put(self, item: Item, **condition: Any) -> dict[str, Any]:
        """Return a put as a part of a transaction."""
        return {"Put": {"TableName": self._name, "Item": item, **condition}}

    def to_delete(self, key: Item) -> dict[str, Any]:
        """Return a delete as a part of a transaction."""
        return {"Delete": {"TableName": self._name, "Key": key}}

    def transact(self, operation: str, writes: list[dict[str, Any]]) -> bool:
        """Carry a transaction out; False where the first of its rows is not as it should be.

        That may be this very transaction's doing, sent before.
        """
        for _ in range(_TRIES):
            try:
                with reaching(self._report, operation, passing=TRANSACTION_CANCELED):
                    self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                reasons = cast("list[dict[str, Any]]", error.response["CancellationReasons"])
                if reasons[0].get("Code") == _CONDITIONAL:
                    return False
            else:
                return True
        raise StoreUnavailable("store")
