"""The prices that the articles name, in USD per million tokens: in, out, cached in."""

from __future__ import annotations

from decimal import Decimal

from shared.domain.money import NANO_PER_USD, rate_from_usd_per_million
from shared.domain.prices import Rates, TokenCounts

MILLION = 1_000_000
DAYS = 30

_PRICES = {
    "claude-opus-4-6": ("5", "25", "0.5"),
    "gpt-5.4": ("2.5", "15", "0.25"),
    "claude-sonnet-4-6": ("3", "15", "0.3"),
    "gemini-3.1-pro-preview": ("2", "12", "0.2"),
    "gemini-2.5-pro-preview": ("1.25", "10", "0.125"),
    "gpt-5": ("1.25", "10", "0.125"),
    "claude-haiku-4-5": ("1", "5", "0.1"),
    "gpt-5-mini": ("0.25", "2", "0.025"),
    "gpt-5-nano": ("0.05", "0.4", "0.005"),
    "deepseek-chat": ("0.28", "0.42", "0.028"),
    "grok-4-1-fast": ("0.2", "0.5", "0.05"),
}

TIER_TABLE = {
    "nano": ("gpt-5-nano", "0.10", "0.40"),
    "mid": ("deepseek-chat", "0.14", "0.28"),
    "frontier": ("claude-sonnet-4-6", "3", "15"),
}
"""The prices in the table of their router, which are not always those above."""


def article_rates(model: str) -> Rates:
    """Return their rates; they know no premium for a cache write, so it is plain input."""
    return rates(*_PRICES[model])


def rates(plain: str, output: str, cached: str | None = None) -> Rates:
    picos = [rate_from_usd_per_million(each) for each in (plain, cached or plain, output)]
    return Rates(
        input=picos[0],
        cache_read=picos[1],
        cache_write=picos[0],
        output=picos[2],
        cache_write_long=picos[0],
    )


def tier_rates(tier: str) -> Rates:
    _, plain, output = TIER_TABLE[tier]
    return rates(plain, output)


def usd(nano: int) -> Decimal:
    return Decimal(nano) / NANO_PER_USD


def cost(of: Rates, **tokens: int) -> Decimal:
    """Return USD for tokens by class, such as ``input=22_000_000``."""
    return usd(of.cost(TokenCounts(**tokens)))


def saved(before: Decimal, after: Decimal) -> Decimal:
    """Return the share saved in percent, to one place."""
    return ((before - after) / before * 100).quantize(Decimal("0.1"))
