"""Claim: what 30,000 requests a month at 500 tokens in and 300 out cost on each model.

And: anything that can wait a day costs half.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared import catalog
from shared.domain.errors import UnpricedModel
from shared.domain.prices import TokenCounts
from tests.articles.prices import article_rates, cost, usd

REQUESTS = 30_000
INPUT, OUTPUT = REQUESTS * 500, REQUESTS * 300  # 15 M and 9 M
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRICED = catalog.load(catalog.known_providers()).priced

CLAIMED = {
    "gpt-5-nano": "4.35",  # 15 x 0.05 + 9 x 0.40
    "grok-4-1-fast": "7.50",  # 15 x 0.20 + 9 x 0.50
    "deepseek-chat": "7.98",  # 15 x 0.28 + 9 x 0.42
    "gpt-5-mini": "21.75",  # 15 x 0.25 + 9 x 2
    "gemini-3.1-pro-preview": "138",  # 15 x 2 + 9 x 12
    "gpt-5.4": "172.50",  # 15 x 2.50 + 9 x 15
    "claude-sonnet-4-6": "180",  # 15 x 3 + 9 x 15
    "claude-opus-4-6": "300",  # 15 x 5 + 9 x 25
}

TODAY = {
    "gpt-6-luna": "6",  # 15 x 0.10 + 9 x 0.50
    "claude-haiku-5-5": "6",  # the same
    "gpt-6.1-terra": "60",  # 15 x 1 + 9 x 5
    "claude-sonnet-5-5": "120",  # 15 x 2 + 9 x 10
    "claude-opus-5-5": "240",  # 15 x 4 + 9 x 20
    "gpt-6-astra": "600",  # 15 x 10 + 9 x 50
}


@pytest.mark.parametrize(("model", "claimed"), CLAIMED.items())
def test_their_monthly_cost_follows_from_their_price(model: str, claimed: str) -> None:
    assert cost(article_rates(model), input=INPUT, output=OUTPUT) == Decimal(claimed)


@pytest.mark.parametrize(("model", "claimed"), CLAIMED.items())
def test_the_catalog_still_prices_the_model_as_they_did(model: str, claimed: str) -> None:
    """Some of them are dead; a replay of an old log needs them all the same."""
    each = PRICED[model].price(NOW).cost(TokenCounts(input=500, output=300))
    assert usd(each * REQUESTS) == Decimal(claimed)


@pytest.mark.parametrize(("model", "expected"), TODAY.items())
def test_what_the_same_requests_cost_on_todays_models(model: str, expected: str) -> None:
    each = PRICED[model].price(NOW).cost(TokenCounts(input=500, output=300))
    assert usd(each * REQUESTS) == Decimal(expected)


def test_the_older_article_has_opus_4_7_at_three_times_its_price() -> None:
    # They say 15 / 75; it is 5 / 25.
    rates = PRICED["claude-opus-4-7"].price(NOW).rates
    assert (rates.input * 3, rates.output * 3) == (15_000_000, 75_000_000)


@pytest.mark.parametrize("model", TODAY)
def test_a_batch_costs_half_at_openai_and_anthropic(model: str) -> None:
    tokens = TokenCounts(input=10_000, output=1_000)
    batch = PRICED[model].price(NOW, "batch").cost(tokens)
    assert batch * 2 == PRICED[model].price(NOW).cost(tokens)


def test_but_only_a_fifth_less_at_xai_and_nothing_at_deepseek() -> None:
    tokens = TokenCounts(input=10_000, output=1_000)
    grok = PRICED["grok-4.3"]
    assert grok.price(NOW, "batch").cost(tokens) * 10 == grok.price(NOW).cost(tokens) * 8
    with pytest.raises(UnpricedModel):
        PRICED["deepseek-v4-pro"].price(NOW, "batch")
