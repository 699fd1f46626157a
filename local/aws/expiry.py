"""DynamoDB's time to live: deletes the rows that are past their time, inside the store itself.

A scan from outside would have moto copy every row, several times a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from moto.dynamodb.models import Table, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item

from local.aws import ACCOUNT


def delete_expired(table_name: str, attribute: str, before: int) -> int:
    """Delete a table's rows whose attribute is a number up to ``before``; returns how many."""
    return sum(
        _delete(backend.tables[table_name], attribute, before)
        for backend in dynamodb_backends[ACCOUNT].values()
        if table_name in backend.tables
    )


def _delete(table: Table, attribute: str, before: int) -> int:
    expired = [item for item in _items(table) if _is_expired(item, attribute, before)]
    for item in expired:
        table.delete_item(item.hash_key, item.range_key)
    return len(expired)


def _items(table: Table) -> Iterator[Item]:
    for under in table.items.values():
        if table.has_range_key:
            yield from under.values()
        else:
            yield under


def _is_expired(item: Item, attribute: str, before: int) -> bool:
    value = item.attrs.get(attribute)
    return value is not None and value.type == "N" and Decimal(value.value) <= before
