"""Figures as people read them; the exact ones stand in the JSON."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
DASH: Final = "\N{EN DASH}"
_CENTS: Final = Decimal("0.01")
_DIGITS_OF_SMALL_AMOUNTS: Final = 4


def usd(amount: str | None) -> str:
    """Return decimal USD as ``$1,234.50`` or, below a dollar, with four digits that count."""
    if amount is None:
        return DASH
    value = Decimal(amount)
    sign, size = (MINUS if value < 0 else ""), abs(value)
    if size >= 1:
        return f"{sign}${size.quantize(_CENTS, ROUND_HALF_EVEN):,}"
    if not size:
        return "$0"
    places = _DIGITS_OF_SMALL_AMOUNTS - 1 - size.adjusted()
    short = f"{size.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}".rstrip("0")
    whole, _, fraction = short.partition(".")
    return f"{sign}${whole}.{fraction:0<2}" if whole != "1" else f"{sign}$1.00"


def percentage(value: float) -> str:
    """Return a percentage to one place."""
    return f"{value:,.1f} %".replace("-", MINUS)


def count(value: int) -> str:
    """Return a number with its thousands apart."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """Return a number of things: ``1 call``, ``1,200 calls``."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def words(name: str) -> str:
    """Return a field's name as words."""
    return name.replace("_", " ")
