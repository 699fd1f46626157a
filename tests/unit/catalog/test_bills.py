"""Bills, computed by hand, exact to the nano-dollar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared import catalog
from shared.domain.prices import TokenCounts, Variant
from shared.domain.usage import openai_usage

SUNDAY = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MONDAY = SUNDAY + timedelta(days=1)
BOOK = catalog.load([]).price_book


def cost(
    model: str, tokens: TokenCounts, at: datetime = SUNDAY, variant: Variant = "standard"
) -> int:
    return BOOK.price(model, at, variant).cost(tokens)


def bill(model: str, at: datetime = SUNDAY, variant: Variant = "standard", **tokens: int) -> int:
    return cost(model, TokenCounts(**tokens), at, variant)


def test_a_plain_call_of_luna() -> None:
    # 1,000 x $0.10/M + 200 x $0.50/M = $0.0001 + $0.0001
    assert bill("gpt-6-luna", input=1_000, output=200) == 200_000


def test_cached_and_written_tokens_have_prices_of_their_own() -> None:
    # 100 x $1 + 800 x $0.05 + 200 x $1.25 + 50 x $5, per million = $0.00064
    assert bill("gpt-6.1-terra", input=100, cache_read=800, cache_write=200, output=50) == 640_000


def test_openais_writes_for_12_hours_cost_two_and_a_half_times_the_input() -> None:
    # 1,000 x $1.25/M (30 minutes) + 1,000 x $2.50/M (12 hours) = $0.00125 + $0.0025
    assert bill("gpt-6.1-terra", cache_write=1_000, cache_write_long=1_000) == 3_750_000


def test_anthropics_writes_for_an_hour_cost_twice_the_input() -> None:
    # 300 x $4/M + 2,000 x $5/M (5 minutes) + 3,000 x $8/M (1 hour) + 9,000 x $0.20/M + 100 x $20/M
    # = $0.0012 + $0.010 + $0.024 + $0.0018 + $0.002
    assert (
        bill(
            "claude-opus-5-5",
            input=300,
            cache_write=2_000,
            cache_write_long=3_000,
            cache_read=9_000,
            output=100,
        )
        == 39_000_000
    )


def test_a_prompt_above_the_long_context_limit_is_dearer_as_a_whole() -> None:
    # 272,000 x $10/M = $2.72; one token more and all 272,001 cost $20/M, the output $75/M.
    assert bill("gpt-6-astra", input=272_000) == 2_720_000_000
    assert bill("gpt-6-astra", input=272_001, output=100) == 5_440_020_000 + 7_500_000


def test_the_long_context_limit_counts_cached_tokens_too() -> None:
    # 272,000 cached x $2/M + 1 x $20/M
    assert bill("gpt-6-astra", input=1, cache_read=272_000) == 544_020_000
    # 272,000 written for 12 hours x 2.5 x $20/M + 1 x $20/M
    assert bill("gpt-6-astra", input=1, cache_write_long=272_000) == 13_600_020_000


def test_haiku_5_5_costs_five_times_as_much_over_100_000_tokens() -> None:
    # Up to the limit: 99,000 x $0.01/M + 1,000 x $0.10/M + 10 x $0.50/M = $0.00099+0.0001+0.000005
    assert bill("claude-haiku-5-5", cache_read=99_000, input=1_000, output=10) == 1_095_000
    # One more: 99,000 x $0.05/M + 1,001 x $0.50/M + 10 x $2.50/M = $0.00495+0.0005005+0.000025
    assert bill("claude-haiku-5-5", cache_read=99_000, input=1_001, output=10) == 5_475_500
    # An hour's write over the limit costs $1/M: 100,001 x $1/M
    assert bill("claude-haiku-5-5", cache_write_long=100_001) == 100_001_000


def test_xais_long_context_price_starts_at_200_000_tokens_inclusive() -> None:
    # 199,999 x $2/M = $0.399998; 200,000 x $4/M = $0.80
    assert bill("grok-4.7", input=199_999) == 399_998_000
    assert bill("grok-4.7", input=200_000) == 800_000_000


def test_geminis_long_context_price_starts_over_200_000_tokens() -> None:
    # 200,000 x $2/M = $0.40; 200,001 x $4/M + 1 x $18/M = $0.800004 + $0.000018
    assert bill("gemini-3.1-pro-preview", input=200_000) == 400_000_000
    assert bill("gemini-3.1-pro-preview", input=200_001, output=1) == 800_004_000 + 18_000


@pytest.mark.parametrize(
    ("at", "peak"),
    [
        (MONDAY.replace(hour=0, minute=59, second=59), False),
        (MONDAY.replace(hour=1, minute=0), True),
        (MONDAY.replace(hour=3, minute=59, second=59), True),
        (MONDAY.replace(hour=4, minute=0), False),
        (MONDAY.replace(hour=6, minute=0), True),
        (MONDAY.replace(hour=9, minute=59, second=59), True),
        (MONDAY.replace(hour=10, minute=0), False),
        (MONDAY + timedelta(days=4), True),  # Friday, 02:00
        (SUNDAY - timedelta(days=1), False),  # Saturday, 02:00
        (SUNDAY, False),
        (datetime(2026, 10, 1, 2, 0, tzinfo=UTC), False),  # Thursday, but a Chinese holiday
        # The same instant as 02:00 UTC on Monday, written in New York.
        (datetime(2026, 11, 22, 21, 0, tzinfo=timezone(timedelta(hours=-5))), True),
    ],
)
def test_deepseek_costs_double_in_weekday_peak_hours(at: datetime, peak: bool) -> None:
    # 1,000 x $0.15/M + 4,000 x $0.003/M + 500 x $0.60/M = $0.00015 + $0.000012 + $0.0003
    off_peak = 462_000
    paid = bill("deepseek-flash", at, input=1_000, cache_read=4_000, output=500)
    assert paid == off_peak * (2 if peak else 1)


def test_weekends_were_peak_days_until_23_august() -> None:
    # Saturday 22 August, 02:00: 1,000 x $1.32/M; a week later 1,000 x $0.66/M
    saturday = datetime(2026, 8, 22, 2, 0, tzinfo=UTC)
    assert bill("deepseek-v4-pro", saturday, input=1_000) == 1_320_000
    assert bill("deepseek-v4-pro", saturday + timedelta(days=7), input=1_000) == 660_000


def test_a_batch_costs_half_at_openai_and_its_cache_reads_too() -> None:
    # 100 x $1/M + 800 x $0.05/M + 50 x $5/M = $0.00039, in a batch half of it
    tokens = TokenCounts(input=100, cache_read=800, output=50)
    assert cost("gpt-6.1-sol", tokens, variant="batch") == 390_000
    assert cost("gpt-6.1-sol", tokens) == 780_000


def test_a_batch_halves_both_write_classes_of_anthropic() -> None:
    # 1,000 x $1.25/M + 1,000 x $2/M + 1,000 x $0.05/M + 100 x $5/M
    # = $0.00125 + $0.002 + $0.00005 + $0.0005
    assert (
        bill(
            "claude-sonnet-5-5",
            variant="batch",
            cache_write=1_000,
            cache_write_long=1_000,
            cache_read=1_000,
            output=100,
        )
        == 3_800_000
    )


def test_a_batch_of_long_prompts_is_half_of_the_long_price() -> None:
    # Half of $0.20/M and of $0.75/M: 272,001 x $0.10/M + 1,000 x $0.375/M = $0.0272001 + $0.000375
    assert bill("gpt-6-luna", variant="batch", input=272_001, output=1_000) == 27_575_100


def test_a_batch_costs_a_fifth_less_at_xai() -> None:
    # 1,000 x $1/M + 1,000 x $0.16/M + 100 x $2/M = $0.001 + $0.00016 + $0.0002
    assert bill("grok-4.3", variant="batch", input=1_000, cache_read=1_000, output=100) == 1_360_000


def test_a_batch_of_gemini_3_1_halves_no_cache_reads() -> None:
    # 1,000 x $1/M + 1,000 x $0.20/M + 100 x $6/M = $0.001 + $0.0002 + $0.0006
    tokens = TokenCounts(input=1_000, cache_read=1_000, output=100)
    assert cost("gemini-3.1-pro-preview", tokens, variant="batch") == 1_800_000


def test_a_batch_on_bedrock_costs_half() -> None:
    # 1,000 x $2/M + 1,000 x $0.10/M + 100 x $10/M = $0.0031
    tokens = TokenCounts(input=1_000, cache_read=1_000, output=100)
    assert cost("global.anthropic.claude-opus-5-5", tokens, variant="batch") == 3_100_000


def test_a_price_changes_at_midnight_utc() -> None:
    # Gemini 4 Argon: 1,000 x $2/M + 100 x $10/M until 30 November, then $4/M and $20/M
    last = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    tokens = TokenCounts(input=1_000, output=100)
    assert cost("gemini-4-argon", tokens, last) == 3_000_000
    assert cost("gemini-4-argon", tokens, last + timedelta(seconds=1)) == 6_000_000
    assert cost("gemini-4-argon", tokens, last + timedelta(seconds=1), "batch") == 3_000_000


def test_reasoning_outside_the_completion_is_billed_as_output() -> None:
    usage = {
        "prompt_tokens": 1_000,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 600},
        "completion_tokens_details": {"reasoning_tokens": 450},
    }
    tokens = openai_usage(usage, reasoning="outside")
    # 400 x $2/M + 600 x $0.50/M + (50 + 450) x $6/M = $0.0008 + $0.0003 + $0.003
    assert BOOK.price("grok-4.7", SUNDAY).cost(tokens) == 4_100_000


def test_a_provider_without_a_write_fee_bills_writes_as_input() -> None:
    assert bill("gpt-5-mini", cache_write=1_000) == bill("gpt-5-mini", input=1_000) == 250_000


def test_a_fraction_of_a_nano_dollar_is_rounded_up_once_per_request() -> None:
    # Half of $0.025/M is 12.5 nano-dollars a token: one costs 13, two together 25.
    assert bill("gpt-5-mini", variant="batch", cache_read=1) == 13
    assert bill("gpt-5-mini", variant="batch", cache_read=2) == 25
