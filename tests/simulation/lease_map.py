"""The other shape that was thought of: a map of leases inside one item for each tenant.

The tenant's item holds the counters of the team and of its keys and all open leases; a slice of
the environment holds counters alone, so its held money is what the tenants' leases say. A
reservation is one transaction over these two items; an ending writes the usage row with it.
Conditions as measured in the first simulator: room, ``attribute_not_exists(res.#r)``, and the
labels of day and month. Every lease carries what the usage row will need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.budgets.movements import Ending, RowState, expiring, settling
from shared.domain.errors import BudgetExceeded, StoreUnavailable
from tests.simulation.expressions import Item
from tests.simulation.lease_items import (
    Lease,
    first_slice,
    first_tenant,
    lease_of,
    row_key,
    slice_key,
    tenant_key,
    typed,
)
from tests.simulation.lease_writes import Result, ending_writes, reserving, row_state
from tests.simulation.orders import Bounds, Order
from tests.simulation.schemes import TABLE, Process, Ticket

How = Callable[[bool, RowState], Ending | None]
_TRIES = 24


class LeaseMapScheme:
    """Reserves, settles and sweeps with leases in a map."""

    def __init__(self, process: Process, bounds: Bounds) -> None:
        self._process = process
        self._client = process.client
        self._bounds = bounds

    def reserve(self, order: Order) -> Ticket:
        """Put a lease and take its money, deciding by what was read."""
        expires = int(self._process.clock() + order.lasts)
        for number in range(_TRIES):
            if number:
                self._process.pause(0.1)
            tenant, piece = self._current(order)
            if not _fits(order, tenant, piece):
                raise BudgetExceeded("no room", {})
            lease = Lease.of(order, tenant["day_label"]["S"], expires)
            reasons = self._transact(reserving(lease))
            own = reasons and reasons[0].get("Item", {}).get("res", {}).get("M", {})
            if reasons is None:
                return Ticket(lease.day, lease)
            if own and lease.name in own:
                return Ticket(lease_of(lease.name, own[lease.name]).day, lease)
        raise StoreUnavailable("ledger")

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Take the lease away, charge what it cost and write the row."""
        lease: Lease = ticket.opened
        self._end(replace(lease, day=ticket.day), settling, Result(order.cost, order.tokens))

    def sweep(self, team: str) -> None:
        """Charge leases whose time is over in full."""
        now = self._process.clock()
        tenant = self._call("get_item", Key=tenant_key(team)).get("Item")
        leases = tenant["res"]["M"] if tenant else {}
        for name, value in leases.items():
            lease = lease_of(name, value)
            if lease.expires <= now:
                self._end(lease, expiring, Result(lease.nano, 0, "expired"))

    def _current(self, order: Order) -> tuple[Item, Item]:
        """Return the tenant and the slice of an order, opened and rolled to the same day."""
        while True:
            first = first_tenant(order.team, self._day(), self._bounds)
            tenant = self._opened(tenant_key(order.team), first)
            number = int(order.scopes[0][1])
            piece = self._opened(slice_key(number), first_slice(number, self._day(), self._bounds))
            day = max(self._day(), tenant["day_label"]["S"], piece["day_label"]["S"])
            behind = [each for each in (tenant, piece) if each["day_label"]["S"] < day]
            if not behind:
                return tenant, piece
            for each in behind:
                self._roll(each, day)

    def _opened(self, key: Item, first: Item) -> Item:
        while True:
            found: Item | None = self._call("get_item", Key=key).get("Item")
            if found is not None:
                return found
            self._try("put_item", Item=first, ConditionExpression="attribute_not_exists(pk)")

    def _roll(self, item: Item, day: str) -> None:
        sets: dict[str, Any] = {"day_label": typed(day)}
        periods = ["day"]
        if item["month_label"]["S"] < day[:7]:
            sets["month_label"] = typed(day[:7])
            periods.append("month")
        for prefix in ("", *(f"keys.{key}." for key in item.get("keys", {"M": {}})["M"])):
            for period in periods:
                owner = item["keys"]["M"][prefix.split(".")[1]]["M"] if prefix else item
                sets[f"{prefix}{period}_avail"] = owner[f"{period}_cap"]
                sets[f"{prefix}{period}_spent"] = typed(0)
                sets[f"{prefix}{period}_doubt"] = typed(0)
        names = {f":v{at}": value for at, value in enumerate(sets.values())}
        text = ", ".join(f"{path} = :v{at}" for at, path in enumerate(sets))
        self._try(
            "update_item",
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression=f"SET {text}",
            ConditionExpression="day_label = :seen",
            ExpressionAttributeValues={**names, ":seen": item["day_label"]},
        )

    def _end(self, lease: Lease, how: How, result: Result) -> None:
        """End a lease from however it stands; nothing is done where it has ended."""
        for number in range(_TRIES):
            if number:
                self._process.pause(0.1)
            tenant = self._call("get_item", Key=tenant_key(lease.team))["Item"]
            piece = self._call("get_item", Key=slice_key(lease.slice))["Item"]
            row = self._call("get_item", Key=row_key(lease)).get("Item")
            ending = how(lease.name in tenant["res"]["M"], row_state(row))
            if ending is None:
                return
            if self._transact(ending_writes(lease, ending, (tenant, piece), result)) is None:
                return
        raise StoreUnavailable("ledger")

    def _transact(self, items: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons: Any = error.response["CancellationReasons"]
            return list(reasons)
        except BotoCoreError as error:
            raise StoreUnavailable("ledger") from error
        return None

    def _call(self, name: str, **asked: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, name)(TableName=TABLE, **asked)
        except BotoCoreError as error:
            raise StoreUnavailable("ledger") from error
        return answer

    def _try(self, name: str, **asked: Any) -> None:
        """Make a conditional write that somebody else may have made already."""
        try:
            self._call(name, **asked)
        except ClientError:
            return

    def _day(self) -> str:
        return datetime.fromtimestamp(self._process.clock(), UTC).strftime("%Y-%m-%d")


def _fits(order: Order, tenant: Item, piece: Item) -> bool:
    key = tenant["keys"]["M"][order.digest]["M"]
    return all(
        order.nano <= int(owner[f"{period}_avail"]["N"])
        for owner in (tenant, key, piece)
        for period in ("day", "month")
    )
