"""Claim: 1,000 mixed queries cost $2.97 routed and $16.80 all on the frontier model, 82 % less.

CPS is their cost per success: total cost / successful outputs.
"""

from __future__ import annotations

from decimal import Decimal

from tests.articles.prices import TIER_TABLE, article_rates, cost, saved, tier_rates

QUERIES = {"nano": 450, "mid": 380, "frontier": 170}
PERCENT_RIGHT = {"nano": 94, "mid": 97, "frontier": 99}
COST = {"nano": Decimal("0.018"), "mid": Decimal("0.095"), "frontier": Decimal("2.856")}
ALL_FRONTIER = Decimal("16.80")
EACH = Decimal("0.0168")


def successes(tier: str) -> Decimal:
    return Decimal(QUERIES[tier] * PERCENT_RIGHT[tier]) / 100


def cps(spent: Decimal, right: Decimal) -> Decimal:
    return (spent / right).quantize(Decimal("0.000001"))


def test_the_tiers_add_up_to_2_dollars_97_and_82_percent() -> None:
    # 0.018 + 0.095 + 2.856 = 2.969
    routed = sum(COST.values(), Decimal())
    assert sum(QUERIES.values()) == 1_000
    assert routed.quantize(Decimal("0.01")) == Decimal("2.97")
    assert saved(ALL_FRONTIER, routed) == Decimal("82.3")


def test_their_cost_per_success_holds_for_nano_mid_and_all_frontier() -> None:
    # 0.018 / 423; 0.095 / 368.6; 16.80 / 990
    assert cps(COST["nano"], successes("nano")) == Decimal("0.000043")
    assert cps(COST["mid"], successes("mid")) == Decimal("0.000258")
    assert cps(ALL_FRONTIER, Decimal(990)) == Decimal("0.016970")


def test_but_not_for_their_frontier_tier() -> None:
    # 2.856 / 168.3 = 0.016970, as for all-frontier, the same model at the same 99 %.
    # They say 0.016941.
    assert cps(COST["frontier"], successes("frontier")) == Decimal("0.016970")
    assert cps(COST["frontier"], successes("frontier")) != Decimal("0.016941")


def test_routing_answers_30_fewer_queries_which_they_do_not_say() -> None:
    # 423 + 368.6 + 168.3 = 959.9 right answers, against 990
    right = sum(map(successes, QUERIES), Decimal())
    assert right == Decimal("959.9")
    assert Decimal(990) - right == Decimal("30.1")


def test_by_cost_per_success_the_saving_is_81_8_percent() -> None:
    # 2.969 / 959.9 = $0.003093 against $0.016970
    routed = cps(sum(COST.values(), Decimal()), sum(map(successes, QUERIES), Decimal()))
    assert routed == Decimal("0.003093")
    assert saved(Decimal("0.016970"), routed) == Decimal("81.8")


def test_a_frontier_query_is_600_tokens_in_and_1000_out() -> None:
    # 600 x $3/M + 1,000 x $15/M = 0.0018 + 0.0150
    assert cost(tier_rates("frontier"), input=600, output=1_000) == EACH
    assert COST["frontier"] == QUERIES["frontier"] * EACH
    assert ALL_FRONTIER == 1_000 * EACH


def test_but_a_nano_query_of_that_size_costs_eleven_times_what_they_count() -> None:
    # 600 x $0.10/M + 1,000 x $0.40/M = 0.00006 + 0.00040, and they count 0.018 / 450 = 0.00004
    of_that_size = cost(tier_rates("nano"), input=600, output=1_000)
    assert of_that_size == Decimal("0.00046")
    assert of_that_size / (COST["nano"] / QUERIES["nano"]) == Decimal("11.5")


def test_with_queries_of_one_size_routing_saves_80_9_percent() -> None:
    # 450 x 0.00046 + 380 x 0.000364 + 170 x 0.0168 = 0.207 + 0.13832 + 2.856
    routed = sum(
        (n * cost(tier_rates(tier), input=600, output=1_000) for tier, n in QUERIES.items()),
        Decimal(),
    )
    assert routed == Decimal("3.20132")
    assert saved(ALL_FRONTIER, routed) == Decimal("80.9")


def test_their_tier_table_has_other_prices_than_their_price_list() -> None:
    differing = {
        model
        for tier, (model, _, _) in TIER_TABLE.items()
        if (tier_rates(tier).input, tier_rates(tier).output)
        != (article_rates(model).input, article_rates(model).output)
    }
    # gpt-5-nano .10/.40 and .05/.40; deepseek-chat .14/.28 and .28/.42
    assert differing == {"gpt-5-nano", "deepseek-chat"}
