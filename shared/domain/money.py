"""Money as integers: nano-dollars for amounts, pico-dollars per token for rates.

A published price of $0.0028 per million tokens is 2,800 picodollars a token, so every price
with up to six decimals per million tokens is exact. An amount is rounded once, upwards, when
a request's picodollars become nano-dollars: the ledger never counts less than was spent.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

NANO_PER_USD = 1_000_000_000
PICO_PER_NANO = 1_000
_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,18})?", re.ASCII)


class InexactPriceError(ValueError):
    """A price that cannot be written exactly in picodollars per token."""


def rate_from_usd_per_million(text: str) -> int:
    """Return picodollars per token for a price in USD per million tokens, such as ``"0.125"``."""
    try:
        pico = Decimal(text) * 1_000_000
    except InvalidOperation as error:
        raise InexactPriceError(f"not a price: {text!r}") from error
    if not pico.is_finite() or pico < 0 or pico != pico.to_integral_value():
        raise InexactPriceError(f"not exact in picodollars per token: {text!r}")
    return int(pico)


def nano_from_pico(pico: int) -> int:
    """Return nano-dollars for picodollars, rounded up."""
    return -(-pico // PICO_PER_NANO)


def nano_from_usd(text: str) -> int:
    """Return nano-dollars for a plain amount in USD, such as ``"12.50"``.

    Raises :class:`InexactPriceError` for what is no amount, negative, or finer than a nano-dollar.
    """
    if not _AMOUNT.fullmatch(text):
        raise InexactPriceError(f"not an amount in USD: {text!r}")
    nano = Decimal(text) * NANO_PER_USD
    if nano != nano.to_integral_value():
        raise InexactPriceError(f"not exact in nano-dollars: {text!r}")
    return int(nano)


def format_usd(nano: int) -> str:
    """Return nano-dollars as plain decimal USD with at most nine places: ``0.000024375``."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO_PER_USD)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
