"""Claim: 10,000 requests a day, 2,000 system + 200 user tokens in, 500 out, Sonnet 4.6, 95 % hits.

"$66 a day of input without; $11.70 with; 82 %; $1,629 a month", and in their calculator beside it
"$4,050 a month becomes $2,430, 40 %".
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from shared import catalog
from shared.domain.prices import Rates
from tests.articles.prices import DAYS, MILLION, article_rates, cost, saved

SONNET = article_rates("claude-sonnet-4-6")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

SYSTEM = 20 * MILLION  # 10,000 x 2,000
USER = 2 * MILLION  # 10,000 x 200
OUTPUT = 5 * MILLION  # 10,000 x 500
READ = 19 * MILLION  # 95 % of the system tokens
WRITTEN = 1 * MILLION  # the other 5 %: the calls that missed


def today(model: str) -> Rates:
    return catalog.load(catalog.known_providers()).priced[model].price(NOW).rates


def test_the_input_without_a_cache_is_66_dollars_a_day() -> None:
    # 22 M x $3
    assert cost(SONNET, input=SYSTEM + USER) == Decimal(66)


def test_their_11_dollars_70_are_2_million_in_full_and_19_million_read() -> None:
    # 2 M x $3 + 19 M x $0.30 = 6 + 5.70
    with_cache = cost(SONNET, input=USER, cache_read=READ)
    assert with_cache == Decimal("11.70")
    assert saved(Decimal(66), with_cache) == Decimal("82.3")
    assert (Decimal(66) - with_cache) * DAYS == Decimal(1629)


def test_but_2_and_19_million_are_not_the_22_million_that_were_sent() -> None:
    # The million that missed is billed nowhere: 22 M in, 2 M + 19 M out.
    assert USER + READ == SYSTEM + USER - WRITTEN


def test_with_the_misses_at_full_price_it_is_14_dollars_70_and_78_percent() -> None:
    # 2 M x $3 + 19 M x $0.30 + 1 M x $3 = 6 + 5.70 + 3
    with_cache = cost(SONNET, input=USER + WRITTEN, cache_read=READ)
    assert with_cache == Decimal("14.70")
    assert saved(Decimal(66), with_cache) == Decimal("77.7")


def test_their_calculator_forgets_the_user_tokens_and_every_miss() -> None:
    # $4,050 / 30 = $135 = 20 M x $3 + 5 M x $15: no user tokens.
    without = cost(SONNET, input=SYSTEM, output=OUTPUT)
    assert without * DAYS == Decimal(4050)
    # $2,430 / 30 = $81 = 20 M x $0.30 + 5 M x $15: all of it read, none missed.
    with_cache = cost(SONNET, cache_read=SYSTEM, output=OUTPUT)
    assert with_cache * DAYS == Decimal(2430)
    assert saved(without, with_cache) == Decimal("40.0")


def test_all_in_at_95_percent_hits_it_is_4230_dollars_and_36_percent() -> None:
    # (66 + 75) x 30 = $4,230; (14.70 + 75) x 30 = $2,691
    without = cost(SONNET, input=SYSTEM + USER, output=OUTPUT)
    with_cache = cost(SONNET, input=USER + WRITTEN, cache_read=READ, output=OUTPUT)
    assert (without * DAYS, with_cache * DAYS) == (Decimal(4230), Decimal(2691))
    assert saved(without, with_cache) == Decimal("36.4")


def test_the_real_rules_charge_the_misses_as_writes_at_a_premium() -> None:
    # 2 M x $3 + 19 M x $0.30 + 1 M x $3.75 = 6 + 5.70 + 3.75
    real = today("claude-sonnet-4-6")
    assert real.cache_write == real.input * 125 // 100
    with_cache = cost(real, input=USER, cache_read=READ, cache_write=WRITTEN)
    assert with_cache == Decimal("15.45")
    assert saved(Decimal(66), with_cache) == Decimal("76.6")


def test_on_todays_sonnet_the_same_traffic_saves_81_percent_of_44_dollars() -> None:
    # Without: 22 M x $2. With: 2 M x $2 + 19 M x $0.10 + 1 M x $2.50 = 4 + 1.90 + 2.50
    real = today("claude-sonnet-5-5")
    without = cost(real, input=SYSTEM + USER)
    with_cache = cost(real, input=USER, cache_read=READ, cache_write=WRITTEN)
    assert (without, with_cache) == (Decimal(44), Decimal("8.40"))
    assert saved(without, with_cache) == Decimal("80.9")


def test_a_cache_that_is_never_read_again_costs_a_quarter_more() -> None:
    # All 20 M written, none read: 2 M x $3 + 20 M x $3.75 = 6 + 75 against 66
    real = today("claude-sonnet-4-6")
    with_cache = cost(real, input=USER, cache_write=SYSTEM)
    assert with_cache == Decimal(81)
    assert with_cache > Decimal(66)


def test_haiku_4_5_would_not_cache_this_prompt_at_all() -> None:
    haiku = catalog.load(catalog.known_providers()).priced["claude-haiku-4-5"]
    assert haiku.cache.min_tokens == 4_096 > 2_000
