"""Bills, computed by hand."""

from __future__ import annotations

from datetime import date

import pytest

from shared import catalog
from shared.domain.errors import UnpricedModel
from shared.domain.prices import TokenCounts, price_on

NOVEMBER = date(2026, 11, 22)
FACTS = catalog.load(["openai", "xai"])


def bill(model: str, **tokens: int) -> int:
    return FACTS.priced[model].price(NOVEMBER).cost(TokenCounts(**tokens))


def test_a_plain_call_of_luna() -> None:
    # 1,000 x $0.10/M + 200 x $0.50/M = $0.0001 + $0.0001
    assert bill("gpt-6-luna", input=1_000, output=200) == 200_000


def test_cached_and_written_tokens_have_prices_of_their_own() -> None:
    # 100 x $1 + 800 x $0.05 + 200 x $1.25 + 50 x $5, per million = $0.00064
    assert bill("gpt-6.1-terra", input=100, cache_read=800, cache_write=200, output=50) == 640_000


def test_a_prompt_above_the_long_context_limit_is_dearer_as_a_whole() -> None:
    # 272,000 x $10/M = $2.72; one token more and all 272,001 cost $20/M, the output 75.
    assert bill("gpt-6-astra", input=272_000) == 2_720_000_000
    assert bill("gpt-6-astra", input=272_001, output=100) == 5_440_020_000 + 7_500_000


def test_the_long_context_limit_counts_cached_tokens_too() -> None:
    # 272,000 cached x $2/M + 1 x $20/M
    assert bill("gpt-6-astra", input=1, cache_read=272_000) == 544_020_000


def test_a_provider_without_a_write_fee_bills_writes_as_input() -> None:
    assert bill("gpt-5-mini", cache_write=1_000) == bill("gpt-5-mini", input=1_000) == 250_000


def test_a_fraction_of_a_nano_dollar_is_rounded_up() -> None:
    # 1 x $0.025/M is 25 nano-dollars; grok's cached read of 1 token is 500.
    assert bill("gpt-5-mini", cache_read=1) == 25
    assert bill("grok-4.7", cache_read=1) == 500


def test_a_day_before_the_first_price_is_unpriced() -> None:
    rows = FACTS.priced["gpt-6-luna"].prices
    with pytest.raises(UnpricedModel):
        price_on(date(2025, 12, 31), "gpt-6-luna", rows)


def test_the_newest_row_in_force_counts() -> None:
    old = FACTS.priced["gpt-6-luna"].prices[0]
    new = FACTS.priced["gpt-6-astra"].prices[0]
    later = type(new)(date(2026, 12, 1), new.rates)
    assert price_on(date(2026, 11, 30), "m", [later, old]) is old
    assert price_on(date(2026, 12, 1), "m", [later, old]) is later


def test_every_model_of_the_catalog_has_a_price_today() -> None:
    for model in FACTS.priced.values():
        assert model.price(NOVEMBER).rates.output > 0
        assert model.price(NOVEMBER).rates.input > 0
