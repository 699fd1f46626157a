"""Budgets as operators and audits handle them. The router's role could do none of this."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from shared.adapters.dynamodb.budget_rows import budget_key
from shared.adapters.dynamodb.conditions import all_of
from shared.adapters.dynamodb.ledger import budgets_in
from shared.adapters.dynamodb.reaching import TRANSACTION_CANCELED
from shared.adapters.dynamodb.rows import Item, key_of, number, text
from shared.clock import utc
from shared.domain.budgets import Budget
from shared.domain.budgets.booked import Booked
from shared.domain.budgets.changes import AuditRow
from shared.domain.entries import Outcome
from shared.resources import (
    TEAMS_PARTITION,
    audit_partition,
    budget_partition,
    late_partition,
    usage_partition,
)

Write = dict[str, Any]

_CONDITIONAL: Final = "ConditionalCheckFailed"
_IN_THE_WAY: Final = {
    "None",
    _CONDITIONAL,
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}
"""Why a transaction may be refused that is worth another try."""


class DynamoBudgetAdmin:
    """Implements :class:`shared.ports.operators.BudgetAdmin` on the ledger table."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def teams(self) -> list[str]:
        """Query the partition that names them."""
        return [item["sk"]["S"] for item in self._query(TEAMS_PARTITION)]

    def budgets_of(self, team: str) -> list[Budget]:
        """Query the team's partition of budgets."""
        return list(budgets_in(self._query(budget_partition(team))).values())

    def change(self, seen: Sequence[Budget], after: Sequence[Budget], row: AuditRow) -> bool:
        """Update all pieces and put the row in one transaction.

        A row that stands there already is this change's own: an earlier send had arrived.
        """
        updates = [_changing(self._table, *both) for both in zip(seen, after, strict=True)]
        put = {
            "TableName": self._table,
            "Item": _audit_item(row),
            "ConditionExpression": all_of(["open.new"]),
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, *updates])
        except ClientError as error:
            return _was_done(error)
        return True

    def audit_rows(self, month: str) -> list[AuditRow]:
        """Query the month's partition."""
        return [_audit_row(item) for item in self._query(audit_partition(month))]

    def booked(self, team: str, day: str) -> Iterator[Booked]:
        """Query the day's usage rows, page by page."""
        for item in self._query(
            usage_partition(team, day),
            ProjectionExpression="key_id, #status, cost_nano, settled_at",
            ExpressionAttributeNames={"#status": "status"},
        ):
            outcome = cast("Outcome", item["status"]["S"])
            nano, is_late = int(item["cost_nano"]["N"]), "settled_at" in item
            yield Booked(item["key_id"]["S"], outcome, nano, is_late)

    def settled_late(self, team: str, day: str) -> int:
        """Query what was moved on the day, page by page."""
        found = self._query(late_partition(team, day), ProjectionExpression="cost_nano")
        return sum(int(item["cost_nano"]["N"]) for item in found)

    def _query(self, partition: str, **projected: Any) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(partition)},
            ConsistentRead=True,
            **projected,
        )
        for page in pages:
            yield from page["Items"]


def _was_done(error: ClientError) -> bool:
    """Whether a refused transaction was carried out by an earlier send; raises what is worse."""
    if error.response["Error"]["Code"] != TRANSACTION_CANCELED:
        raise error
    reasons = cast("list[dict[str, Any]]", error.response["CancellationReasons"])
    codes = [reason.get("Code", "None") for reason in reasons]
    if set(codes) - _IN_THE_WAY:
        raise error
    return bool(codes[0] == _CONDITIONAL)


def _changing(table: str, seen: Budget, after: Budget) -> Write:
    """Return the update of one piece, if its caps, its day and its terms are as seen.

    What is left is moved by a difference, because calls go on spending meanwhile.
    """
    sets = {"on_limit": text(after.on_limit), "ladder": text(",".join(map(str, after.ladder)))}
    adds = {"terms": number(after.terms - seen.terms)}
    for period, counter in after.counters:
        for part in ("cap", "raised", "raised_until"):
            sets[f"{period}_{part}"] = number(getattr(counter, part))
        adds[f"{period}_avail"] = number(counter.limit - seen.counter(period).limit)
    names, floors = ["step.terms", "step.day", "step.caps"], {}
    if seen.scope.kind == "environment":
        # Room may move between slices, and none may give what calls have taken meanwhile.
        names += ["recut.day_room", "recut.month_room"]
        floors = {
            f":{period}_floor": number(before.avail - max(0, after.counter(period).avail))
            for period, before in seen.counters
        }
    removing = " REMOVE frozen_because" if after.frozen_because is None else ""
    if after.frozen_because is not None:
        sets["frozen_because"] = text(after.frozen_because)
    setting = ", ".join(f"{name} = :set_{name}" for name in sets)
    adding = ", ".join(f"{name} :add_{name}" for name in adds)
    return {
        "Update": {
            "TableName": table,
            "Key": budget_key(seen.scope),
            "UpdateExpression": f"SET {setting} ADD {adding}{removing}",
            "ConditionExpression": all_of(names),
            "ExpressionAttributeValues": {
                **floors,
                ":terms": number(seen.terms),
                ":seen_day": text(seen.day.label),
                ":seen_day_cap": number(seen.day.cap),
                ":seen_month_cap": number(seen.month.cap),
                **{f":set_{name}": value for name, value in sets.items()},
                **{f":add_{name}": value for name, value in adds.items()},
            },
        }
    }


def _audit_item(row: AuditRow) -> Item:
    """Return the item of an audit row, sorted by time; it is kept for good."""
    moment = utc(row.at)
    sort = f"{moment:%Y-%m-%dT%H:%M:%S.%f}/{row.row_id}"
    return key_of(audit_partition(f"{moment:%Y-%m}"), sort) | {
        "row_id": text(row.row_id),
        "at": text(repr(row.at)),
        "who": text(row.who),
        "what": text(row.what),
        "budget": text(row.budget),
        "before": text(json.dumps(row.before)),
        "after": text(json.dumps(row.after)),
        "reason": text(row.reason),
    }


def _audit_row(item: Item) -> AuditRow:
    return AuditRow(
        row_id=item["row_id"]["S"],
        at=float(item["at"]["S"]),
        who=item["who"]["S"],
        what=item["what"]["S"],
        budget=item["budget"]["S"],
        before=json.loads(item["before"]["S"]),
        after=json.loads(item["after"]["S"]),
        reason=item["reason"]["S"],
    )
