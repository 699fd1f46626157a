"""What a stack costs while nobody calls it, from what it declares and dated prices."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from shared.domain.money import NANO_PER_USD
from tests.infra.bare import ROOT, Stack

FILE = ROOT / "infra" / "idle_prices.toml"
MB_PER_GB = 1024


class UnpricedError(LookupError):
    """A declared type has no row in ``infra/idle_prices.toml``; names it."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One charge of one resource type, in USD a month."""

    type: str
    per: Literal["resource", "rule", "watched", "snapshot_gb"]
    usd: str
    in_use: str
    source: str
    checked: datetime.date

    @property
    def nano(self) -> int:
        nano = Decimal(self.usd) * NANO_PER_USD
        if nano != nano.to_integral_value():
            raise ValueError(f"{self.type}: {self.usd} is not exact in nano-dollars")
        return int(nano)


class Prices(msgspec.Struct, forbid_unknown_fields=True):
    """The file. ``parts`` are types that are never billed by themselves, with whose part it is."""

    price: list[Price]
    parts: dict[str, str]

    def of(self, kind: str) -> list[Price]:
        """Return a type's charges, none for a part; raises :class:`UnpricedError`."""
        found = [price for price in self.price if price.type == kind]
        if not found and kind not in self.parts:
            raise UnpricedError(f"{kind} has no row in infra/idle_prices.toml")
        return found


@dataclass(frozen=True)
class Charge:
    """What one resource costs by one price, in nano-dollars a month."""

    price: Price
    nano: int


def read_prices() -> Prices:
    return msgspec.toml.decode(FILE.read_bytes(), type=Prices)


def charges(stack: Stack) -> list[Charge]:
    """Return every charge above zero of everything a stack declares."""
    prices = read_prices()
    found = [
        Charge(price, _nano(price, inputs))
        for (kind, _), inputs in stack.declared.items()
        for price in prices.of(kind)
    ]
    return [charge for charge in found if charge.nano]


def idle_nano(stack: Stack) -> int:
    return sum(charge.nano for charge in charges(stack))


def _nano(price: Price, inputs: Mapping[str, Any]) -> int:
    if price.per == "rule":
        return price.nano * len(inputs["rules"])
    if price.per == "watched":
        queries = inputs.get("metricQueries", [{"metric": inputs}])
        return price.nano * sum("metric" in query for query in queries)
    if price.per == "snapshot_gb":
        megabytes = inputs["memorySize"] if "snapStart" in inputs else 0
        return -(-price.nano * megabytes // MB_PER_GB)
    return price.nano
