"""A DynamoDB whose tables share their keys, small, and a hundred times as fast as moto.

moto reads every expression anew and takes 15 ms of CPU for a transaction over four items, so ten
thousand seeds would take a day. ``test_moto_agrees`` runs seeds on both and holds them to the
same steps and the same items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.expressions import Bindings, Item, condition, plain, update

Key = tuple[str, str]
Snapshot = Mapping[Key, Item]


class SmallDynamo:
    """Carries out single API calls; raises botocore's ``ClientError`` as AWS's answer would."""

    def __init__(self) -> None:
        self._items: dict[Key, Item] = {}
        self.changes = 0
        """How many items were written or deleted so far."""

    def items(self) -> Snapshot:
        """Return every item by its key, without a call; items are never changed in place."""
        return self._items

    def carry_out(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry one call out."""
        done: dict[str, Any] = _OPERATIONS[operation](self, asked)
        return done

    def _put(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._single("PutItem", {"Put": asked})
        return {}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._single("UpdateItem", {"Update": asked})
        return {"Attributes": self._items[_key(asked["Key"])]}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._single("DeleteItem", {"Delete": asked})
        return {}

    def _single(self, operation: str, action: dict[str, Any]) -> None:
        reason = self._refusal(action)
        if reason is not None:
            error = {"Code": "ConditionalCheckFailedException", "Message": "refused"}
            raise ClientError({"Error": error, **reason}, operation)  # type: ignore[typeddict-item]
        self._apply(action)

    def _transact(self, asked: dict[str, Any]) -> dict[str, Any]:
        actions = asked["TransactItems"]
        keys = [_key_of(action) for action in actions]
        if len(set(keys)) != len(keys):
            raise ValueError(f"a transaction touches an item twice: {keys}")
        refusals = [self._refusal(action) for action in actions]
        if any(refusal is not None for refusal in refusals):
            raise canceled([_reason(refusal) for refusal in refusals])
        for action in actions:
            self._apply(action)
        return {}

    def _refusal(self, action: dict[str, Any]) -> dict[str, Any] | None:
        """Return why an action may not be carried out: the item, where it is asked for."""
        [asked] = action.values()
        before = self._items.get(_key_of(action))
        text = asked.get("ConditionExpression")
        if text is None or condition(text)(before or {}, Bindings(asked)):
            return None
        is_told = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Item": before} if is_told and before else {}

    def _apply(self, action: dict[str, Any]) -> None:
        [(kind, asked)] = action.items()
        key = _key_of(action)
        self.changes += 1
        if kind == "Put":
            self._items[key] = asked["Item"]
        elif kind == "Delete":
            self._items.pop(key, None)
        elif kind == "Update":
            before = self._items.get(key, asked["Key"])
            change = update(asked["UpdateExpression"])
            self._items[key] = change(before, before, Bindings(asked))

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        item = self._items.get(_key(asked["Key"]))
        return {"Item": item} if item else {}

    def _batch_get(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "Responses": {
                table: [item for key in wanted["Keys"] if (item := self._items.get(_key(key)))]
                for table, wanted in asked["RequestItems"].items()
            }
        }

    def _query(self, asked: dict[str, Any]) -> dict[str, Any]:
        matches, bound = condition(asked["KeyConditionExpression"]), Bindings(asked)
        partition = plain(asked["ExpressionAttributeValues"][":pk"])
        keys = sorted(key for key in self._items if key[0] == partition)
        return {"Items": [self._items[key] for key in keys if matches(self._items[key], bound)]}


_OPERATIONS: Mapping[str, Any] = {
    "PutItem": SmallDynamo._put,
    "UpdateItem": SmallDynamo._update,
    "DeleteItem": SmallDynamo._delete,
    "GetItem": SmallDynamo._get,
    "BatchGetItem": SmallDynamo._batch_get,
    "Query": SmallDynamo._query,
    "TransactWriteItems": SmallDynamo._transact,
}


def canceled(reasons: list[dict[str, Any]]) -> ClientError:
    """Return the error of a transaction that was cancelled for some reasons, one for each item."""
    codes = [reason["Code"] for reason in reasons]
    error = {"Code": "TransactionCanceledException", "Message": f"cancelled: {codes}"}
    response: Any = {"Error": error, "CancellationReasons": reasons}
    return ClientError(response, "TransactWriteItems")


def _reason(refusal: dict[str, Any] | None) -> dict[str, Any]:
    return {"Code": "None"} if refusal is None else {"Code": "ConditionalCheckFailed", **refusal}


def _key_of(action: Mapping[str, Any]) -> Key:
    [asked] = action.values()
    return _key(asked.get("Key") or asked["Item"])


def _key(named: Mapping[str, Any]) -> Key:
    return plain(named["pk"]), plain(named["sk"])
