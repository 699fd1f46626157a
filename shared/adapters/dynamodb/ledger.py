"""Holds, budgets and usage rows on DynamoDB: each method is one AWS call.

Money moves in one transaction over the hold, the budgets of its scopes and the usage row. Every
item of it is conditional on what it starts from (:mod:`shared.adapters.dynamodb.conditions`), so a
transaction that AWS's client sends twice is carried out once. What a refused transaction found
instead comes back with the refusal (``ALL_OLD``), at no further read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from botocore.exceptions import ClientError

from shared.adapters.dynamodb import ledger_writes as writes
from shared.adapters.dynamodb.budget_rows import (
    abandoned_item,
    budget_item,
    budget_key,
    budget_of,
    closed_item,
    hold_of,
    holds_until,
    scope_of,
)
from shared.adapters.dynamodb.conditions import all_of
from shared.adapters.dynamodb.reaching import (
    CONDITION_FAILED,
    TRANSACTION_CANCELED,
    TRANSACTION_CONFLICT,
    reaching,
)
from shared.adapters.dynamodb.rows import Item, text
from shared.adapters.dynamodb.usage import DynamoUsage
from shared.domain.budgets import Budget, Hold, Position, Scope, Step
from shared.domain.budgets.movements import Ending, RowState
from shared.domain.budgets.refusals import HoldLimits
from shared.domain.entries import Settlement
from shared.domain.errors import StoreUnavailable
from shared.resources import hold_partition

_CONDITIONAL = "ConditionalCheckFailed"
_CONFLICT_TRIES = 8
"""A transaction takes one or two round trips, and each try is one."""
_TRANSIENT = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class DynamoLedger(DynamoUsage):
    """Implements :class:`shared.ports.ledger.Ledger` on the ledger table."""

    def read_budgets(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]:
        """Read what stands there in one BatchGetItem, asking once more for what was left out."""
        wanted: Any = {self._table: {"Keys": [*map(budget_key, scopes)], "ConsistentRead": True}}
        items: list[Item] = []
        for _ in range(2):
            with reaching(self._report, "read_budgets"):
                found = self._client.batch_get_item(RequestItems=wanted)
            items += found["Responses"].get(self._table, [])
            if not (wanted := found.get("UnprocessedKeys")):
                return budgets_in(items)
        # A budget that was not read must not pass for one that was never used.
        self._report("read_budgets", "UnprocessedKeys")
        raise StoreUnavailable("store")

    def open_budget(self, budget: Budget) -> Budget:
        """Put the budget unless one stands there."""
        return self._conditionally(
            "open_budget",
            budget,
            self._client.put_item,
            Item=budget_item(budget),
            ConditionExpression=all_of(["open.new"]),
            otherwise=budget,
        )

    def take_step(self, budget: Budget, step: Step) -> Budget:
        """Update the budget if it is as seen."""
        update = writes.step_update(self._table, budget, step)
        return self._conditionally(
            "take_step", budget, self._client.update_item, **update, ReturnValues="ALL_NEW"
        )

    def move_room(self, into: Budget, donors: Sequence[tuple[Budget, int, int]]) -> bool:
        """Move room and caps in one transaction."""
        items = writes.room_updates(self._table, into, donors)
        return self._transact("move_room", items) is None

    def recut(self, seen: Sequence[Budget], after: Sequence[Budget]) -> bool:
        """Write all slices in one transaction."""
        items = writes.recut_updates(self._table, seen, after)
        return self._transact("recut", items) is None

    def reserve(
        self, hold: Hold, budgets: Sequence[Budget], limits: HoldLimits, now: float
    ) -> Hold | Mapping[Scope, Budget]:
        """Put the hold and take from every budget.

        A hold that stands there already is this call's own: an earlier send had arrived, perhaps
        of a try that was decided on another day.
        """
        items = [
            writes.hold_put(self._table, hold),
            *(
                writes.reserve_update(self._table, hold, each, limits, now)
                for each in budgets
                if hold.nano or each.scope.kind == "key"
            ),
        ]
        reasons = self._transact("reserve", items)
        if reasons is None:
            return hold
        if reasons[0]["Code"] == _CONDITIONAL:
            return self._own_hold(reasons[0]["Item"])
        return budgets_in(_found(reasons))

    def _own_hold(self, item: Item) -> Hold:
        standing = hold_of(item)
        if standing is None:
            self._report("reserve", "Barred")
            raise StoreUnavailable("ledger")
        return standing

    def end(
        self,
        hold: Hold,
        settlement: Settlement | None,
        ending: Ending,
        position: Position,
        late_at: float | None = None,
    ) -> Position | None:
        """Take the hold away, write the row and move the money, as the ending asks."""
        items = writes.ending_items(self._table, hold, settlement, ending, position, late_at)
        reasons = self._transact("end", list(items.values()))
        if reasons is None:
            return None
        told = dict(zip(items, reasons, strict=True))
        return Position(
            hold_stands=_stands(told.get("hold"), position.hold_stands),
            row=_row_state(told.get("row"), ending.row_before),
            budgets={**position.budgets, **budgets_in(_found(reasons))},
        )

    def bar(self, hold: Hold) -> None:
        """Put a mark in the hold's place unless the hold stands there."""
        try:
            with reaching(self._report, "bar", passing=CONDITION_FAILED):
                mark = {
                    "TableName": self._table,
                    "Item": abandoned_item(hold),
                    "ConditionExpression": all_of(["reserve.hold"]),
                }
                _past_transactions(self._client.put_item, mark)
        except ClientError:
            return

    def close_place(self, team: str, request_id: str, attempt: int, expires_at: int) -> Hold | None:
        """Put a mark in the place of a hold, unless the hold stands there: one write, no race."""
        mark = {
            "TableName": self._table,
            "Item": closed_item(team, request_id, attempt, expires_at),
            "ConditionExpression": all_of(["reserve.hold"]),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            with reaching(self._report, "close_place", passing=CONDITION_FAILED):
                _past_transactions(self._client.put_item, mark)
        except ClientError as error:
            standing: Item = error.response.get("Item", {})  # type: ignore[assignment]
            return hold_of(standing)
        return None

    def expired_holds(self, team: str, now: float) -> list[Hold]:
        """Query the team's holds up to now."""
        with reaching(self._report, "expired_holds"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :now",
                ExpressionAttributeValues={
                    ":pk": text(hold_partition(team)),
                    ":now": text(holds_until(now)),
                },
                ConsistentRead=True,
            )
            found = [hold_of(item) for page in pages for item in page["Items"]]
        return [hold for hold in found if hold is not None]

    def _conditionally(
        self, name: str, seen: Budget, call: Any, *, otherwise: Budget | None = None, **asked: Any
    ) -> Budget:
        """Write one budget; returns it as it is now, whether this write or another made it so."""
        asked = {
            "TableName": self._table,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **asked,
        }
        try:
            with reaching(self._report, name, passing=CONDITION_FAILED):
                answer = _past_transactions(call, asked)
        except ClientError as error:
            standing: Item = error.response.get("Item", {})  # type: ignore[assignment]
            return budget_of(seen.scope, standing)
        return otherwise or budget_of(seen.scope, answer["Attributes"])

    def _transact(self, name: str, items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Carry a transaction out; returns why each item was refused if one was."""
        try:
            with reaching(self._report, name, passing=TRANSACTION_CANCELED):
                self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons = cast("list[dict[str, Any]]", error.response["CancellationReasons"])
            self._report_unexpected(name, reasons)
            return reasons
        return None

    def _report_unexpected(self, name: str, reasons: list[dict[str, Any]]) -> None:
        for reason in reasons:
            code = reason.get("Code", "None")
            if code not in {"None", _CONDITIONAL, *_TRANSIENT}:
                self._report(name, code)


def _past_transactions(write: Any, asked: Mapping[str, Any]) -> Any:
    """Send a single write again where a transaction on its item was in the way."""
    for _ in range(_CONFLICT_TRIES):
        try:
            return write(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] != TRANSACTION_CONFLICT:
                raise
    return write(**asked)


def budgets_in(items: Iterable[Item]) -> dict[Scope, Budget]:
    """Return the budgets among some items by their scope."""
    scoped = [(scope_of(item), item) for item in items]
    return {scope: budget_of(scope, item) for scope, item in scoped if scope is not None}


def _found(reasons: Sequence[Mapping[str, Any]]) -> list[Item]:
    return [reason["Item"] for reason in reasons if reason.get("Item")]


def _stands(reason: Mapping[str, Any] | None, before: bool) -> bool:
    if reason is None:
        return before
    return reason.get("Code") != _CONDITIONAL


def _row_state(reason: Mapping[str, Any] | None, assumed: RowState) -> RowState:
    if reason is None or reason.get("Code") != _CONDITIONAL:
        return assumed
    item = reason.get("Item")
    if not item:
        return "none"
    return "expired" if item["status"]["S"] == "expired" else "settled"
