"""What DynamoDB calls ask permission for, with the partitions they touch.

Calls on several tables are authorised once per table, and a transaction as the single actions
it is made of (DynamoDB developer guide, "Using IAM with transactions").
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.aws.policies import Ask
from local.aws.state import Place, partition_asked, partition_attribute

Params = Mapping[str, Any]

LEADING_KEYS = "dynamodb:LeadingKeys"
_TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def asks_of(operation: str, params: Params, place: Place) -> list[Ask] | None:
    """Return the permissions that a DynamoDB call needs, or None where they are not known."""
    known = _OPERATIONS.get(operation)
    return known(operation, params, place) if known else None


def _one_item(operation: str, params: Params, place: Place) -> list[Ask]:
    keys = [params.get("Key") or params.get("Item") or {}]
    return [_ask(operation, params["TableName"], keys, place)]


def _query(operation: str, params: Params, place: Place) -> list[Ask] | None:
    table, index = params["TableName"], params.get("IndexName")
    partition = partition_asked(place, table_name(table), params)
    if partition is None or index:
        return None
    return [_ask(operation, table, [partition], place)]


def _whole_table(operation: str, params: Params, place: Place) -> list[Ask] | None:
    # A scan names no partition, so no leading key is in its context: as on AWS.
    return None if "IndexName" in params else [_ask(operation, params["TableName"], [], place)]


def _batch_get(operation: str, params: Params, place: Place) -> list[Ask]:
    return [
        _ask(operation, table, request["Keys"], place)
        for table, request in params["RequestItems"].items()
    ]


def _batch_write(operation: str, params: Params, place: Place) -> list[Ask]:
    return [
        _ask(operation, table, [_written(write) for write in writes], place)
        for table, writes in params["RequestItems"].items()
    ]


def _written(write: Params) -> Params:
    item: Params = write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]
    return item.get("Key", item) if "DeleteRequest" in write else item


def _transaction(_operation: str, params: Params, place: Place) -> list[Ask]:
    return [
        _ask(_TRANSACTION_ACTIONS[kind], act["TableName"], [act.get("Key") or act["Item"]], place)
        for item in params["TransactItems"]
        for kind, act in item.items()
    ]


def _ask(operation: str, table: str, keys: Iterable[Params], place: Place) -> Ask:
    name = table_name(table)
    attribute = partition_attribute(place, name)
    leading = [_text(key[attribute]) for key in keys if attribute and attribute in key]
    context = {LEADING_KEYS: leading} if leading else {}
    return Ask(f"dynamodb:{operation}", place.arn("dynamodb", f"table/{name}"), context)


def table_name(table: str) -> str:
    """Return a table's name; calls may give its ARN instead."""
    return table.partition(":table/")[2] or table


def _text(value: Params) -> str:
    ((_, content),) = value.items()
    return base64.b64encode(content).decode() if isinstance(content, bytes) else str(content)


_OPERATIONS: dict[str, Callable[[str, Params, Place], list[Ask] | None]] = {
    "GetItem": _one_item,
    "PutItem": _one_item,
    "UpdateItem": _one_item,
    "DeleteItem": _one_item,
    "Query": _query,
    "Scan": _whole_table,
    "DescribeTable": _whole_table,
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "TransactWriteItems": _transaction,
    "TransactGetItems": _transaction,
}
