"""Claim: 10,000 requests a day cost $5,040 a month; cached $1,260, routed $1,512, both $504.

And, per technique: prompt cache 30-60 %, routing 40-70 %, compression 20-50 %, batch 50 %, output
length 10-30 %, all of them 60-80 %. Typical tokens: system 20-40 %, history 30-50 %, user 10-20 %,
output 15-30 %.
"""

from __future__ import annotations

from decimal import Decimal
from math import prod

from tests.articles.prices import DAYS, article_rates, saved

BASELINE, CACHED, ROUTED, BOTH = (Decimal(each) for each in (5_040, 1_260, 1_512, 504))
TECHNIQUES = {
    "prompt cache": (30, 60),
    "routing": (40, 70),
    "compression": (20, 50),
    "batch": (50, 50),
    "output length": (10, 30),
}
TOKENS = {"system": (20, 40), "history": (30, 50), "user": (10, 20), "output": (15, 30)}


def test_the_stated_percentages_follow_from_the_stated_dollars() -> None:
    assert saved(BASELINE, CACHED) == Decimal("75.0")
    assert saved(BASELINE, ROUTED) == Decimal("70.0")
    assert saved(BASELINE, BOTH) == Decimal("90.0")


def test_the_baseline_is_the_0168_dollars_a_query_of_the_routing_claim() -> None:
    # 10,000 x 30 x $0.0168
    assert 10_000 * DAYS * Decimal("0.0168") == BASELINE


def test_independent_levers_would_leave_378_dollars_so_theirs_overlap() -> None:
    # 5,040 x 25 % x 30 % = 378, and they say 504: the levers cannot simply be multiplied.
    independent = BASELINE * (CACHED / BASELINE) * (ROUTED / BASELINE)
    assert independent == Decimal(378)
    assert independent < BOTH


def test_the_stacked_shares_are_not_those_of_the_single_claims() -> None:
    # Prompt cache: 82 % and 40 % there, 75 % here. Routing: 82 % there, 70 % here.
    assert saved(BASELINE, CACHED) not in {Decimal("82.3"), Decimal("40.0")}
    assert saved(BASELINE, ROUTED) != Decimal("82.3")


def test_a_prompt_cache_cannot_save_75_percent_of_such_a_query() -> None:
    # Reads cost a tenth, so 75 % of the bill needs an input of 75 / 0.9 = 83.3 % of the bill. At
    # 600 tokens in and 1,000 out on Sonnet 4.6 input is 0.0018 of 0.0168, or 10.7 %.
    input_share = Decimal("0.0018") / Decimal("0.0168") * 100
    assert input_share.quantize(Decimal("0.1")) == Decimal("10.7")
    assert input_share * Decimal("0.9") < 75


def test_their_ranges_of_tokens_leave_room_for_a_whole() -> None:
    lows, highs = (sum(each) for each in zip(*TOKENS.values(), strict=True))
    assert (lows, highs) == (75, 140)


def test_a_prompt_cache_cannot_save_60_percent_with_their_own_tokens() -> None:
    # Best case: output 15 %, user 10 %, so 75 % is cached at a tenth. Output costs five times input
    # on Sonnet 4.6: 0.75 x 0.9 / (0.85 + 0.15 x 5) = 0.675 / 1.60
    sonnet = article_rates("claude-sonnet-4-6")
    ratio = Decimal(sonnet.output) / sonnet.input
    best = Decimal("0.75") * Decimal("0.9") / (Decimal("0.85") + Decimal("0.15") * ratio) * 100
    assert best.quantize(Decimal("0.1")) == Decimal("42.2")
    assert best < TECHNIQUES["prompt cache"][1]


def test_even_their_lowest_figures_multiplied_exceed_their_sum_of_all() -> None:
    # 0.7 x 0.6 x 0.8 x 0.5 x 0.9 = 0.1512 is left: 84.9 % saved, and they say 60 to 80 %.
    left = prod(Decimal(100 - low) / 100 for low, _ in TECHNIQUES.values())
    assert left == Decimal("0.1512")
    assert (1 - left) * 100 > 80
