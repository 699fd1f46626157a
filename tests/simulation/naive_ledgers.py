"""Two ledgers as they are often written, to show that the harness catches what it is for.

Both keep one counter for each budget and a note for each call that goes on.

*check, then add* reads what was spent, compares, and adds what a call cost when it is known.
*counter with refund* takes the money first, under a condition, and gives it back where a call has
not settled in time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.reaching import CONDITION_FAILED
from shared.domain.errors import BudgetExceeded, StoreUnavailable
from tests.simulation.lease_items import typed
from tests.simulation.orders import Bounds, Order
from tests.simulation.schemes import TABLE, Process, Ticket
from tests.simulation.view import Call, Whose


class NaiveScheme:
    """What both have in common: unconditional additions, a note for each call."""

    def __init__(self, process: Process, bounds: Bounds) -> None:
        self._process = process
        self._bounds = bounds

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Correct the counters by what the call cost, and drop its note."""
        raise NotImplementedError

    def sweep(self, team: str) -> None:
        """Nothing expires by itself."""

    def _purses(self, order: Order, day: str) -> list[tuple[Any, int]]:
        """Return the key and the cap of every counter of an order."""
        caps: list[tuple[Whose, tuple[int, int]]] = [
            (("environment",), self._bounds.environment),
            (order.groups[1], self._bounds.team),
            (order.groups[2], self._bounds.key),
        ]
        return [
            ({"pk": typed("/".join(whose)), "sk": typed(label)}, cap)
            for whose, both in caps
            for label, cap in zip((day, day[:7]), both, strict=True)
        ]

    def _note_key(self, call: Call, team: str) -> dict[str, Any]:
        return {"pk": typed(f"{team}/notes"), "sk": typed(call[0])}

    def _note(self, order: Order, day: str) -> None:
        expires = int(self._process.clock() + order.lasts)
        item = {
            **self._note_key(order.call, order.team), "nano": typed(order.nano),
            "day": typed(day), "expires": typed(expires), "key": typed(order.digest),
        }  # fmt: skip
        self._call("put_item", Item=item)

    def _add(self, order: Order, day: str, by: int) -> None:
        for key, _ in self._purses(order, day):
            self._call(
                "update_item",
                Key=key,
                UpdateExpression="ADD used :by",
                ExpressionAttributeValues={":by": typed(by)},
            )

    def _call(self, name: str, **asked: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._process.client, name)(TableName=TABLE, **asked)
        except BotoCoreError as error:
            raise StoreUnavailable("ledger") from error
        except ClientError as error:
            if error.response["Error"]["Code"] == CONDITION_FAILED:
                raise
            raise StoreUnavailable("ledger") from error
        return answer

    def _day(self) -> str:
        return datetime.fromtimestamp(self._process.clock(), UTC).strftime("%Y-%m-%d")


class CheckThenAdd(NaiveScheme):
    """Reads, compares, and adds afterwards."""

    def reserve(self, order: Order) -> Ticket:
        """Let a call go on that would fit by what was read."""
        day = self._day()
        for key, cap in self._purses(order, day):
            item = self._call("get_item", Key=key, ConsistentRead=True).get("Item", {})
            if int(item.get("used", typed(0))["N"]) + order.nano > cap:
                raise BudgetExceeded("no room", {})
        self._note(order, day)
        return Ticket(day, None)

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Add what it cost."""
        self._add(order, ticket.day, order.cost)
        self._call("delete_item", Key=self._note_key(order.call, order.team))


class CounterWithRefund(NaiveScheme):
    """Takes the money first; what has not settled in time is given back."""

    def reserve(self, order: Order) -> Ticket:
        """Add to each counter if it stays within its cap; give back where one does not."""
        day = self._day()
        taken: list[Any] = []
        for key, cap in self._purses(order, day):
            if not self._take(key, cap, order.nano):
                for other in taken:
                    self._give(other, order.nano)
                raise BudgetExceeded("no room", {})
            taken.append(key)
        self._note(order, day)
        return Ticket(day, None)

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Give back what it did not cost."""
        self._add(order, ticket.day, order.cost - order.nano)
        self._call("delete_item", Key=self._note_key(order.call, order.team))

    def sweep(self, team: str) -> None:
        """Give back what has expired."""
        found = self._call(
            "query",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": typed(f"{team}/notes")},
        )["Items"]
        for note in found:
            if int(note["expires"]["N"]) <= self._process.clock():
                self._refund(note, team)

    def _refund(self, note: dict[str, Any], team: str) -> None:
        self._call("delete_item", Key={"pk": note["pk"], "sk": note["sk"]})
        order = Order((note["sk"]["S"], 1), team, note["key"]["S"], 0, 0, 0, 0.0)
        self._add(order, note["day"]["S"], -int(note["nano"]["N"]))

    def _take(self, key: Any, cap: int, nano: int) -> bool:
        try:
            self._call(
                "update_item",
                Key=key,
                UpdateExpression="ADD used :by",
                ConditionExpression="attribute_not_exists(pk) OR used <= :most",
                ExpressionAttributeValues={":by": typed(nano), ":most": typed(cap - nano)},
            )
        except ClientError:
            return False
        return True

    def _give(self, key: Any, nano: int) -> None:
        self._call(
            "update_item",
            Key=key,
            UpdateExpression="ADD used :by",
            ExpressionAttributeValues={":by": typed(-nano)},
        )
