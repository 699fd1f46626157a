"""The single writes that the lease map's transactions are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.domain.budgets.movements import Ending, Movement, RowState
from tests.simulation.expressions import Item
from tests.simulation.lease_items import (
    PARTS,
    PERIODS,
    Lease,
    row_item,
    slice_key,
    tenant_key,
    typed,
)
from tests.simulation.schemes import TABLE

_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@dataclass(frozen=True)
class Result:
    """What a call came to, in nano-dollars and tokens."""

    cost: int
    tokens: int
    status: str = "answered"


def reserving(lease: Lease) -> list[dict[str, Any]]:
    """Return the writes that put a lease and take its money."""
    paths = [f"{prefix}{period}_avail" for prefix in ("", f"keys.{lease.key}.")
             for period in ("day", "month")]  # fmt: skip
    labels = "day_label = :day AND month_label = :month"
    values = {":n": typed(lease.nano), ":day": typed(lease.day), ":month": typed(lease.day[:7])}
    tenant = {
        "TableName": TABLE,
        "Key": tenant_key(lease.team),
        "UpdateExpression": "SET res.#r = :lease, "
        + ", ".join(f"{path} = {path} - :n" for path in paths),
        "ConditionExpression": f"attribute_not_exists(res.#r) AND {labels} AND "
        + " AND ".join(f"{path} >= :n" for path in paths),
        "ExpressionAttributeNames": {"#r": lease.name},
        "ExpressionAttributeValues": {**values, ":lease": lease.value()},
        **_OLD,
    }
    piece = {
        "TableName": TABLE,
        "Key": slice_key(lease.slice),
        "UpdateExpression": "SET day_avail = day_avail - :n, month_avail = month_avail - :n",
        "ConditionExpression": f"{labels} AND day_avail >= :n AND month_avail >= :n",
        "ExpressionAttributeValues": values,
        **_OLD,
    }
    return [{"Update": tenant}, {"Update": piece}]


def ending_writes(
    lease: Lease, ending: Ending, items: tuple[Item, Item], result: Result
) -> list[dict[str, Any]]:
    """Return the writes that end a lease; the items are the tenant and the slice as seen."""
    movement = ending.movement(lease.nano, result.cost)
    tenant = _moving(lease, items[0], ("", f"keys.{lease.key}."), movement)
    tenant["ExpressionAttributeNames"] = {"#r": lease.name}
    exists = "attribute_exists" if ending.takes_hold else "attribute_not_exists"
    tenant["ConditionExpression"] += f" AND {exists}(res.#r)"
    if ending.takes_hold:
        tenant["UpdateExpression"] += " REMOVE res.#r"
    piece = _moving(lease, items[1], ("",), movement)
    writes: list[dict[str, Any]] = [
        {"Update": {"TableName": TABLE, "Key": tenant_key(lease.team), **tenant}},
        {"Update": {"TableName": TABLE, "Key": slice_key(lease.slice), **piece}},
    ]
    if ending.writes_row:
        writes.append(_row_put(lease, ending, result))
    return writes


def _moving(
    lease: Lease, item: Item, prefixes: tuple[str, ...], movement: Movement
) -> dict[str, Any]:
    """Return the update of one item's counters, in the periods that are not closed."""
    labels = {period: item[f"{period}_label"]["S"] for period in PERIODS}
    open_periods = [period for period in PERIODS if lease.day.startswith(labels[period])]
    sets = [
        f"{prefix}{period}_{part} = {prefix}{period}_{part} + :{part}"
        for prefix in prefixes
        for period in open_periods
        for part in PARTS
    ]
    values = {":day": typed(labels["day"]), ":month": typed(labels["month"])}
    if sets:
        values |= {f":{part}": typed(getattr(movement, part)) for part in PARTS}
    return {
        "UpdateExpression": "SET " + ", ".join([*sets, "day_label = :day"]),
        "ConditionExpression": "day_label = :day AND month_label = :month",
        "ExpressionAttributeValues": values,
    }


def _row_put(lease: Lease, ending: Ending, result: Result) -> dict[str, Any]:
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if ending.row_before == "expired":
        condition = {
            "ConditionExpression": "#status = :expired",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":expired": typed("expired")},
        }
    item = row_item(lease, result.cost, result.status, result.tokens)
    return {"Put": {"TableName": TABLE, "Item": item, **condition}}


def row_state(row: Item | None) -> RowState:
    """Return what stands where a row belongs."""
    if row is None:
        return "none"
    return "expired" if row["status"]["S"] == "expired" else "settled"
