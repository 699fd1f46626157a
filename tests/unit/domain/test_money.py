"""Money is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.money import (
    InexactPriceError,
    format_usd,
    nano_from_pico,
    rate_from_usd_per_million,
)


@pytest.mark.parametrize(
    ("usd_per_million", "pico_per_token"),
    [("0.10", 100_000), ("12.5", 12_500_000), ("0.0028", 2_800), ("0", 0), ("0.000001", 1)],
)
def test_a_price_per_million_is_exact_in_picodollars_per_token(
    usd_per_million: str, pico_per_token: int
) -> None:
    assert rate_from_usd_per_million(usd_per_million) == pico_per_token


@pytest.mark.parametrize("text", ["0.0000001", "-1", "free", "NaN", "Infinity", ""])
def test_what_is_no_exact_price_is_refused(text: str) -> None:
    with pytest.raises(InexactPriceError):
        rate_from_usd_per_million(text)


def test_picodollars_are_rounded_up_once() -> None:
    assert [nano_from_pico(pico) for pico in (0, 1, 999, 1000, 1001)] == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0"),
        (24_375, "0.000024375"),
        (1_000_000_000, "1"),
        (1_500_000_000, "1.5"),
        (-350_000, "-0.00035"),
        (1, "0.000000001"),
    ],
)
def test_usd_is_a_plain_decimal(nano: int, text: str) -> None:
    assert format_usd(nano) == text


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_usd_text_loses_nothing(nano: int) -> None:
    text = format_usd(nano)
    assert "e" not in text.lower()
    assert Decimal(text) * 10**9 == nano
