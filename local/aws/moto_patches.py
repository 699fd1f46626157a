"""Every change made to moto, each with its reason. moto is pinned: check these when it moves.

1. ``TransactWriteItems`` deep-copied each touched table, rows included, to be able to roll
   back: its cost grew with the table. Only the touched items are copied here.
2. ``TransactWriteItems`` ignored ``ClientRequestToken``, so a retry after a lost answer failed
   or applied twice. DynamoDB keeps tokens for ten minutes.
3. Every request listed moto's own directory, three milliseconds of it: it is listed once here.
4. Topics ran functions through docker, posted to any address and dropped e-mail: all of that goes
   to :mod:`local.aws.outbox` and is delivered from there.
5. A bucket's policy was applied without its conditions, so one that refuses calls without TLS
   refused all. Here resource policies count for nothing, as DIFFERENCES say.
6. ``Query`` looked at every row of the table, sorted all of them, and took those of the partition:
   its cost grew with the table. Only the partition is looked at here.
7. Each attribute of an answer was asked for every type that there is under five spellings of its
   name: 0.4 ms a row. Here an attribute is written as the type that it has.
8. What is worked out anew at every request is worked out once: :mod:`local.aws.moto_speed`.

(Atomicity and IAM need no patch: the door in :mod:`local.aws.server` sees to both.)
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import moto
from moto import backends
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.sns.models import Subscription

from local.aws.moto_speed import apply_speed
from local.aws.outbox import OUTBOX

MOTO_VERSION = "5.2.5"
TOKEN_SECONDS = 600.0
"""How long DynamoDB remembers a transaction's token (API reference, TransactWriteItems)."""

_original_backend_transaction = DynamoDBBackend.transact_write_items
_original_handler_transaction = DynamoHandler.transact_write_items
_original_modules = backends.list_of_moto_modules
_original_query = Table.query
_original_structure = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001
_original_publish = Subscription.publish


def apply_moto_patches() -> None:
    """Change moto in this process; doing it again changes nothing more."""
    if moto.__version__ != MOTO_VERSION:
        raise RuntimeError(f"the patches are for moto {MOTO_VERSION}, not {moto.__version__}")
    dynamodb_models.copy = SimpleNamespace(deepcopy=_copy_all_but_tables)
    DynamoDBBackend.transact_write_items = _roll_back_items
    DynamoHandler.transact_write_items = _honour_token
    backends.list_of_moto_modules = _modules
    Subscription.publish = _leave_in_outbox
    FakeBucket.get_permission = _say_nothing
    Table.query = _query_partition
    BaseJSONSerializer._serialize_type_structure = _serialize_attribute  # noqa: SLF001
    apply_speed()


def _say_nothing(_bucket: FakeBucket, _action: str, _resource: str) -> PermissionResult:
    return PermissionResult.NEUTRAL


@cache
def _modules() -> tuple[str, ...]:
    return tuple(_original_modules())


def _copy_all_but_tables(value: Any, memo: dict[int, Any] | None = None) -> Any:
    return value if isinstance(value, Table) else copy.deepcopy(value, memo)


def _roll_back_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    touched = [
        _Touched(backend.tables[act["TableName"]], act.get("Key") or act["Item"])
        for item in transact_items
        for act in item.values()
        if act.get("TableName") in backend.tables
    ]
    try:
        _original_backend_transaction(backend, transact_items)
    except BaseException:
        for item in touched:
            item.restore()
        raise


_INDEX_NAME = 7
"""Where ``Table.query`` takes the name of an index, behind the hash key."""


def _query_partition(table: Table, hash_key: DynamoType | None, *given: Any, **named: Any) -> Any:
    index = given[_INDEX_NAME - 1] if len(given) >= _INDEX_NAME else named.get("index_name")
    if index is not None or hash_key is None:
        return _original_query(table, hash_key, *given, **named)
    partition, rows = copy.copy(table), table.items.get(hash_key)
    partition.items = {} if rows is None else {hash_key: rows}
    return _original_query(partition, hash_key, *given, **named)


def _serialize_attribute(
    serializer: BaseJSONSerializer, serialized: dict[str, Any], value: Any, shape: Any, key: str
) -> None:
    if shape.name == "AttributeValue" and key and value is not None:
        serialized[serializer.get_serialized_name(shape, key)] = _attribute(serializer, value)
    else:
        _original_structure(serializer, serialized, value, shape, key)


def _attribute(serializer: BaseJSONSerializer, value: Any) -> dict[str, Any]:
    """Return an attribute as DynamoDB's JSON has it, from moto's own type or from plain data."""
    typed = DynamoType(value)
    kind, content = typed.type, typed.value
    if kind == "B":
        return {kind: serializer._base64(content)}  # noqa: SLF001
    if kind == "BS":
        return {kind: [serializer._base64(each) for each in content]}  # noqa: SLF001
    if kind == "L":
        return {kind: [_attribute(serializer, each) for each in content]}
    if kind == "M":
        return {kind: {name: _attribute(serializer, each) for name, each in content.items()}}
    return {kind: content}


class _Touched:
    """An item as it was before a transaction, or the fact that there was none."""

    def __init__(self, table: Table, keys: Mapping[str, Any]) -> None:
        self._table = table
        self._hash = DynamoType(keys[table.hash_key_attr])
        self._range = DynamoType(keys[table.range_key_attr]) if table.has_range_key else None
        self._before = copy.deepcopy(table.get_item(self._hash, self._range))

    def restore(self) -> None:
        """Put the item back as it was."""
        by_range = self._range is not None
        home = self._table.items[self._hash] if by_range else self._table.items
        key = self._range if by_range else self._hash
        if self._before is None:
            home.pop(key, None)
        else:
            home[key] = self._before


class TokenMismatchError(ServiceException):  # type: ignore[misc] # moto is not typed
    """A token that came with another transaction before."""

    code = "IdempotentParameterMismatchException"


class _Tokens:
    """Transactions of one backend that went through, by token."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, str]] = {}

    def was_applied(self, key: str, digest: str) -> bool:
        """Tell whether this very transaction went through; another under its token raises."""
        self._forget_old()
        if key not in self._seen:
            return False
        if self._seen[key][1] != digest:
            raise TokenMismatchError(
                "The request uses the same client token as a previous, but non-identical request."
            )
        return True

    def remember(self, key: str, digest: str) -> None:
        """Note a transaction that went through now."""
        self._seen[key] = (time.monotonic(), digest)

    def _forget_old(self) -> None:
        oldest = time.monotonic() - TOKEN_SECONDS
        while self._seen and next(iter(self._seen.values()))[0] < oldest:
            del self._seen[next(iter(self._seen))]


_tokens: WeakKeyDictionary[DynamoDBBackend, _Tokens] = WeakKeyDictionary()
"""By account and region, which each have a backend; a backend that is reset forgets."""


def _honour_token(handler: DynamoHandler) -> ActionResult:
    token = handler.body.get("ClientRequestToken")
    if token is None:
        return _original_handler_transaction(handler)
    tokens = _tokens.setdefault(handler.dynamodb_backend, _Tokens())
    digest = hashlib.sha256(dynamo_json_dump(handler.body["TransactItems"]).encode()).hexdigest()
    if tokens.was_applied(token, digest):
        return ActionResult({"ConsumedCapacity": [], "ItemCollectionMetrics": {}})
    result = _original_handler_transaction(handler)
    tokens.remember(token, digest)
    return result


def _leave_in_outbox(
    subscription: Subscription,
    message: str,
    message_id: str,
    *,
    message_structure: str | None = None,
    **more: Any,
) -> None:
    if subscription.protocol == "sqs":
        more["message_structure"] = message_structure
        _original_publish(subscription, message, message_id, **more)
        return
    if message_structure == "json":
        message = subscription._parse_message_structure(message, subscription.protocol)  # noqa: SLF001
    OUTBOX.put(
        topic=subscription.topic_arn,
        subscription=subscription.arn,
        protocol=subscription.protocol,
        endpoint=subscription.endpoint,
        message_id=message_id,
        subject=more.get("subject"),
        message=message,
        attributes=more.get("message_attributes") or {},
    )
