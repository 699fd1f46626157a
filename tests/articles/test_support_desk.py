"""Claim: 500,000 questions a day, 60 % repeats, become 62 % hits and 28 % on the strong model.

"$428 a day becomes $123, 71.3 %; 1.8 s becomes 0.6 s." And the day of their cost tracker:
total_cost 15.42, total_savings 128.76, effective_discount 89.3 %.
"""

from __future__ import annotations

from decimal import Decimal

from tests.articles.prices import saved

QUESTIONS = 500_000
BEFORE, AFTER = Decimal(428), Decimal(123)
REPEATS, HITS, STRONG = 60, 62, 28
EACH = BEFORE / QUESTIONS  # $0.000856


def test_the_discount_follows_from_the_dollars() -> None:
    # 1 - 123 / 428
    assert saved(BEFORE, AFTER) == Decimal("71.3")


def test_more_hits_than_repeats_are_answers_to_questions_that_were_not_repeated() -> None:
    # At 62 % hits over 60 % repeats, 10,000 questions a day get somebody else's answer.
    assert (HITS - REPEATS) * QUESTIONS // 100 == 10_000


def test_the_dollars_hold_if_28_percent_are_of_all_questions() -> None:
    # 62 % free + 28 % x $0.000856 = 119.84, so 10 % share the other 3.16: $0.0000632 each, a
    # model 13.5 times cheaper.
    strong = QUESTIONS * STRONG // 100 * EACH
    assert strong == Decimal("119.84")
    cheap = (AFTER - strong) / (QUESTIONS * (100 - HITS - STRONG) // 100)
    assert cheap == Decimal("0.0000632")
    assert (EACH / cheap).quantize(Decimal("0.1")) == Decimal("13.5")


def test_and_not_if_28_percent_are_of_the_misses() -> None:
    # 190,000 misses: 28 % x $0.000856 and 72 % at x make 123, so x is two thirds of the strong
    # model's price: no cheap model at all.
    misses = QUESTIONS * (100 - HITS) // 100
    x = (AFTER / misses - EACH * STRONG / 100) / (Decimal(100 - STRONG) / 100)
    assert (x / EACH).quantize(Decimal("0.01")) == Decimal("0.66")


def test_the_mean_wait_cannot_be_0_6_seconds_with_misses_of_1_8() -> None:
    # Even if hits took no time at all: 38 % x 1.8 s = 0.684 s.
    least = Decimal(100 - HITS) / 100 * Decimal("1.8")
    assert least == Decimal("0.684")
    assert least > Decimal("0.6")


def test_an_exact_cache_alone_with_every_repeat_identical_leaves_171_dollars() -> None:
    # 428 x 40 %: the bound without paraphrases and without routing.
    assert Decimal("171.2") == BEFORE * (100 - REPEATS) / 100


def test_the_effective_discount_of_the_tracker_is_savings_over_cost_and_savings() -> None:
    # 128.76 / (15.42 + 128.76) = 128.76 / 144.18
    cost, savings = Decimal("15.42"), Decimal("128.76")
    assert cost + savings == Decimal("144.18")
    assert saved(cost + savings, cost) == Decimal("89.3")
