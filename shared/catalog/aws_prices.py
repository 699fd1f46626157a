"""What AWS charges for a request, from ``aws_prices.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import get_args

import msgspec

from shared.catalog import files
from shared.catalog.files import CatalogError
from shared.domain.own_cost import OwnCost, Path, Unit, Work


class PriceOfUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price of one unit in USD, from a day on."""

    unit: Unit
    start: date
    usd: str
    source: str
    checked: date


class WorkOfPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one path of a request asks of AWS."""

    path: Path
    read_units: int
    write_units: int
    log_bytes: int
    calls: int = 1
    queue_requests: int = 0
    busy_ms: int = 0

    def work(self) -> Work:
        """Return it without its path."""
        return Work(
            read_units=self.read_units,
            write_units=self.write_units,
            log_bytes=self.log_bytes,
            calls=self.calls,
            queue_requests=self.queue_requests,
            busy_ms=self.busy_ms,
        )


class AwsPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    price: tuple[PriceOfUnit, ...]
    work: tuple[WorkOfPath, ...]


def load_own_cost(day: date) -> OwnCost:
    """Return what a request costs on a day; raises :class:`CatalogError` naming a missing row."""
    rows: AwsPrices = files.read(files.AWS_PRICES, AwsPrices)
    works = {row.path: row.work() for row in rows.work}
    if missing := set(get_args(Path)) - works.keys():
        raise CatalogError(f"{files.AWS_PRICES}: no work for {min(missing)}")
    return OwnCost({unit: _pico(rows.price, unit, day) for unit in get_args(Unit)}, works)


def _pico(rows: Sequence[PriceOfUnit], unit: Unit, day: date) -> int:
    """Return the picodollars of a unit on a day, by the newest row that has begun."""
    begun = [row for row in rows if row.unit == unit and row.start <= day]
    if not begun:
        raise CatalogError(f"{files.AWS_PRICES}: no price of {unit} on {day}")
    pico = Decimal(max(begun, key=lambda row: row.start).usd) * 10**12
    if pico != pico.to_integral_value():
        raise CatalogError(f"{files.AWS_PRICES}: {unit} is not exact in picodollars")
    return int(pico)
