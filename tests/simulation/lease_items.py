"""The items of the lease map, and how the judge reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.simulation.expressions import Item
from tests.simulation.orders import Bounds, Order
from tests.simulation.plans import KEYS
from tests.simulation.small_dynamo import Snapshot
from tests.simulation.view import Count, Held, Purse, Row, View, Whose, part_of

PERIODS: Final = ("day", "month")
PARTS: Final = ("avail", "spent", "doubt")


@dataclass(frozen=True)
class Lease:
    """Money set aside, with what its usage row will need. ``expires`` is in epoch seconds."""

    call: tuple[str, int]
    team: str
    key: str
    slice: int
    nano: int
    day: str
    expires: int

    @property
    def name(self) -> str:
        """Its name in the map."""
        return self.call[0]

    @classmethod
    def of(cls, order: Order, day: str, expires: int) -> Lease:
        """Return the lease of an order."""
        number = int(order.scopes[0][1])
        return cls(order.call, order.team, order.digest, number, order.nano, day, expires)

    def value(self) -> Item:
        """Return it as a value of the map, with the facts that a usage row repeats."""
        return {"M": {
            "n": typed(self.nano), "d": typed(self.day), "e": typed(self.expires),
            "k": typed(self.key), "s": typed(self.slice), "t": typed(self.team),
            "facts": typed(_FACTS),
        }}  # fmt: skip


_FACTS = "chat|auto|gpt-6-luna|openai|nano|2026-11-22|1795330000.25|0|miss|task qa, short|feature|"
"""As long as what an entry says of its call: door, models, provider, tier, prices, times, tags."""


def lease_of(name: str, value: Item) -> Lease:
    """Return the lease of a value of the map."""
    inner = value["M"]
    return Lease(
        (name, 1),
        team=inner["t"]["S"],
        key=inner["k"]["S"],
        slice=int(inner["s"]["N"]),
        nano=int(inner["n"]["N"]),
        day=inner["d"]["S"],
        expires=int(inner["e"]["N"]),
    )


def typed(value: int | str) -> Item:
    """Return a value as DynamoDB writes it."""
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def tenant_key(team: str) -> Item:
    """Return the key of a tenant's item."""
    return {"pk": typed(f"{team}/leases"), "sk": typed("tenant")}


def slice_key(number: int) -> Item:
    """Return the key of one slice of the environment."""
    return {"pk": typed(f"-/leases/{number}"), "sk": typed("environment")}


def row_key(lease: Lease) -> Item:
    """Return the key of a call's usage row."""
    return {"pk": typed(f"{lease.team}/usage/{lease.day}"), "sk": typed(lease.name)}


def row_item(lease: Lease, cost: int, status: str, tokens: int) -> Item:
    """Return a usage row."""
    counts = {f"tokens_{name}": typed(0) for name in
              ("input", "cache_read", "cache_write", "cache_write_long")}  # fmt: skip
    return {
        **row_key(lease), **counts, "tokens_output": typed(tokens), "status": typed(status),
        "cost_nano": typed(cost), "request_id": typed(lease.name), "attempt": typed(1),
        "facts": typed(_FACTS),
    }  # fmt: skip


def first_tenant(team: str, day: str, bounds: Bounds) -> Item:
    """Return a tenant's item at its first use, with all its keys."""
    keys = {key: {"M": _counters(bounds.key)} for key in KEYS[team]}
    return {**tenant_key(team), **_labels(day), **_counters(bounds.team),
            "keys": {"M": keys}, "res": {"M": {}}}  # fmt: skip


def first_slice(number: int, day: str, bounds: Bounds) -> Item:
    """Return a slice at its first use."""
    return {**slice_key(number), **_labels(day), **_counters(bounds.slice_caps(number))}


def _labels(day: str) -> Item:
    return {"day_label": typed(day), "month_label": typed(day[:7])}


def _counters(caps: tuple[int, int]) -> Item:
    found: Item = {}
    for period, cap in zip(PERIODS, caps, strict=True):
        found |= {f"{period}_cap": typed(cap), f"{period}_avail": typed(cap),
                  f"{period}_spent": typed(0), f"{period}_doubt": typed(0)}  # fmt: skip
    return found


class LeaseReader:
    """Reads snapshots of the lease map as the judge wants to see them."""

    def view(self, snapshot: Snapshot) -> View:
        """Return what stands in a snapshot."""
        tenants = {pk.partition("/")[0]: item for (pk, sk), item in snapshot.items()
                   if sk == "tenant"}  # fmt: skip
        leases = [lease_of(name, value) for item in tenants.values()
                  for name, value in item["res"]["M"].items()]  # fmt: skip
        purses: list[Purse] = []
        for (pk, sk), item in snapshot.items():
            if sk == "environment":
                purses.append(_purse(("environment", pk.rpartition("/")[2]), item, item, leases))
        for team, item in tenants.items():
            purses.append(_purse(("team", team), item, item, leases))
            for key, inner in item["keys"]["M"].items():
                purses.append(_purse(("key", team, key), inner["M"], item, leases))
        rows = [
            part for key, item in snapshot.items() if isinstance(part := part_of(key, item), Row)
        ]
        return View(
            purses={purse.whose: purse for purse in purses},
            holds={lease.call: _held(lease) for lease in leases},
            rows={(row.call, row.day): row for row in rows},
        )


def _held(lease: Lease) -> Held:
    return Held(lease.call, lease.nano, lease.day, lease.expires, _scopes(lease))


def _scopes(lease: Lease) -> tuple[Whose, Whose, Whose]:
    return (
        ("environment", str(lease.slice)),
        ("team", lease.team),
        ("key", lease.team, lease.key),
    )


def _purse(whose: Whose, counters: Item, labels: Item, leases: list[Lease]) -> Purse:
    own = [lease for lease in leases if whose in _scopes(lease)]
    counts = [_count(whose, period, counters, labels, own) for period in PERIODS]
    flying = len(own) if whose[0] == "key" else 0
    return Purse(whose, (counts[0], counts[1]), 0, True, False, flying, (0, 0, 0))


def _count(whose: Whose, period: str, counters: Item, labels: Item, own: list[Lease]) -> Count:
    label = labels[f"{period}_label"]["S"]
    held = sum(lease.nano for lease in own if lease.day.startswith(label))
    figures: dict[str, Any] = {part: int(counters[f"{period}_{part}"]["N"]) for part in PARTS}
    cap = int(counters[f"{period}_cap"]["N"])
    return Count(whose, period, label, cap, held=held, raised=0, raised_until=0, **figures)
