"""The rules that every price obeys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import catalog
from shared.domain.errors import UnpricedModel
from shared.domain.prices import (
    LongPrompt,
    Peak,
    PriceBook,
    PriceRow,
    Rates,
    TokenCounts,
    price_at,
)

SUNDAY = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
FACTS = catalog.load(catalog.known_providers())
BOOK = FACTS.price_book

CLASSES = ("input", "cache_read", "cache_write", "cache_write_long", "output")
MODELS = sorted(FACTS.priced)
counts = st.builds(TokenCounts, **dict.fromkeys(CLASSES, st.integers(0, 2_000_000)))


def test_a_day_before_the_first_price_is_unpriced() -> None:
    with pytest.raises(UnpricedModel):
        BOOK.price("gpt-6-luna", datetime(2026, 9, 21, 23, 59, tzinfo=UTC))
    assert BOOK.price("gpt-6-luna", datetime(2026, 9, 22, tzinfo=UTC)).rates.input == 100_000


def test_an_unknown_model_is_unpriced() -> None:
    with pytest.raises(UnpricedModel):
        BOOK.price("gpt-7", SUNDAY)


@pytest.mark.parametrize("model", ["deepseek-flash", "qwen3.8-max", "grok-4-1-fast"])
def test_a_model_without_a_batch_price_is_unpriced_in_a_batch(model: str) -> None:
    with pytest.raises(UnpricedModel):
        BOOK.price(model, SUNDAY, "batch")


def test_a_batch_before_its_first_known_price_is_unpriced() -> None:
    day = datetime(2026, 10, 13, 12, 0, tzinfo=UTC)
    assert BOOK.price("gpt-6-luna", day).variant == "standard"
    with pytest.raises(UnpricedModel):
        BOOK.price("gpt-6-luna", day, "batch")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        BOOK.price("gpt-6-luna", datetime(2026, 11, 22))  # noqa: DTZ001 - what is refused


def test_the_newest_row_in_force_counts_whatever_the_order() -> None:
    old = BOOK.price("gpt-6-luna", SUNDAY)
    later = PriceRow(date(2026, 12, 1), old.rates)
    assert price_at("m", [later, old], datetime(2026, 11, 30, 23, tzinfo=UTC), "standard") is old
    assert price_at("m", [later, old], datetime(2026, 12, 1, tzinfo=UTC), "standard") is later


def test_peak_hours_without_a_price_beside_them_are_unpriced_outside_of_them() -> None:
    row = PriceRow(date(2026, 1, 1), Rates(1, 1, 1, 1, 1), peak=Peak(((60, 120),)))
    book = PriceBook({"m": [row]})
    assert book.price("m", SUNDAY.replace(hour=1)) is row
    with pytest.raises(UnpricedModel):
        book.price("m", SUNDAY.replace(hour=2))


def test_of_several_steps_the_highest_reached_counts() -> None:
    rates = [Rates(n, n, n, n, n) for n in (1_000, 2_000, 3_000)]
    row = PriceRow(date(2026, 1, 1), rates[0], (LongPrompt(20, rates[2]), LongPrompt(10, rates[1])))
    assert [row.applicable(n) for n in (10, 11, 20, 21)] == [rates[0], rates[1], rates[1], rates[2]]


def test_a_percentage_that_is_not_exact_is_refused() -> None:
    with pytest.raises(ValueError, match="not exact"):
        Rates(1, 2, 2, 2, 2).scaled(50)


def test_all_classes_of_the_prompt_add_up() -> None:
    tokens = TokenCounts(input=1, cache_read=20, cache_write=300, cache_write_long=4_000, output=7)
    assert tokens.prompt == 4_321
    assert tokens.without_cache() == TokenCounts(input=4_321, output=7)


@given(model=st.sampled_from(MODELS), tokens=counts)
def test_a_bill_is_the_exact_sum_of_its_classes_rounded_up_by_less_than_a_nano_dollar(
    model: str, tokens: TokenCounts
) -> None:
    rates = FACTS.priced[model].prices[-1].applicable(tokens.prompt)
    exact = sum(Fraction(getattr(tokens, name) * getattr(rates, name), 1_000) for name in CLASSES)
    assert exact <= FACTS.priced[model].prices[-1].cost(tokens) < exact + 1


@given(model=st.sampled_from(MODELS), tokens=counts, other=counts)
def test_before_rounding_a_bill_is_additive_in_the_classes(
    model: str, tokens: TokenCounts, other: TokenCounts
) -> None:
    rates = FACTS.priced[model].prices[0].rates
    alone = [replace(TokenCounts(), **{name: getattr(tokens, name)}) for name in CLASSES]
    assert rates.pico(tokens) == sum(rates.pico(each) for each in alone)
    both = TokenCounts(**{name: getattr(tokens, name) + getattr(other, name) for name in CLASSES})
    assert rates.pico(both) == rates.pico(tokens) + rates.pico(other)
