"""Counts what calls cost at DynamoDB: write units, read units and round trips.

A write unit is 1 KB of the larger of an item before and after, a failed condition included; in a
transaction it counts twice. A consistent read takes a unit for each 4 KB. Sizes by the developer
guide: names and strings in UTF-8 bytes, a number one byte for two digits and one more, a map 3
bytes and one for each pair.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.expressions import Item
from tests.simulation.small_dynamo import SmallDynamo

_KB = 1024


class MeteredDynamo(SmallDynamo):
    """The small DynamoDB with a meter."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.write_units = 0
        self.read_units = 0

    def carry_out(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry one call out and count it."""
        before = dict(self.items())
        answer = super().carry_out(operation, asked)
        self.calls += 1
        if operation == "TransactWriteItems":
            for action in asked["TransactItems"]:
                [each] = action.values()
                self.write_units += 2 * self._written(before, each)
        elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            self.write_units += self._written(before, asked)
        else:
            found = [item for items in answer.get("Responses", {}).values() for item in items]
            found += [answer["Item"]] if "Item" in answer else []
            self.read_units += sum(-(-size_of(item) // (4 * _KB)) for item in found)
        return answer

    def _written(self, before: dict[Any, Item], asked: dict[str, Any]) -> int:
        named = asked.get("Key") or asked["Item"]
        key = (named["pk"]["S"], named["sk"]["S"])
        sizes = [size_of(items[key]) for items in (before, self.items()) if key in items]
        return -(-max(sizes, default=1) // _KB)


def size_of(item: Item) -> int:
    """Return an item's size in bytes."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Item) -> int:
    [(kind, inner)] = value.items()
    if kind == "N":
        return (len(inner.lstrip("-")) + 1) // 2 + 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in inner.items())
    return 1 if kind == "BOOL" else len(inner.encode())
