"""Baseline minus cost is the sum of the levers, to the nano-dollar, whatever happened."""

from __future__ import annotations

import dataclasses
import os
from datetime import date
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import catalog
from shared.clock import utc
from shared.domain import savings
from shared.domain.entries import Entry
from shared.domain.prices import PriceRow, Rates, TokenCounts
from shared.domain.savings import LEVERS, Levers, Prices, Saving, telescoped
from shared.usecases.pricing import Pricing
from tests.contracts.test_store import ENTRY

EXAMPLES: Final = int(os.environ.get("SLUICE_SAVINGS_EXAMPLES", "1000"))
"""Histories; ``make test-long`` asks for 100,000."""
CATALOG: Final = catalog.load(catalog.known_providers())
BASELINE: Final = "gpt-6-astra"
PRICING: Final = Pricing(CATALOG, BASELINE)
MODELS: Final = sorted(m.id for m in CATALOG.models.values() if m.is_callable(utc(ENTRY.opened_at)))

counts = st.integers(0, 400_000)
tokens = st.builds(TokenCounts, counts, counts, counts, counts, counts)


def row(plain: int, read: int, write: int, output: int) -> PriceRow:
    return PriceRow(date(2026, 1, 1), Rates(plain, read, write, output, 2 * plain))


DEAR, CHEAP = row(10_000, 1_000, 12_500, 50_000), row(100, 10, 125, 500)
"""Picodollars per token, a hundred times apart."""


def test_every_step_of_an_answer_is_told_apart() -> None:
    # 1,000 prompt tokens of which 600 were read from the provider's cache, 100 output tokens.
    # asked   1,000 x 10,000 + 100 x 50,000 = 15,000,000 pico = 15,000 nano
    # routed  1,000 x 100    + 100 x 500    =    150,000 pico =    150 nano
    # cached  400 x 100 + 600 x 10 + 50,000 =     96,000 pico =     96 nano
    counted = TokenCounts(input=400, cache_read=600, output=100)
    saving = savings.of_answer(Prices(DEAR, CHEAP, CHEAP, CHEAP), counted)
    assert saving == Saving(15_000, 96, Levers(routing=14_850, prompt_cache=54))


def test_a_write_that_nobody_has_read_yet_and_a_dearer_fallback_count_against_us() -> None:
    # asked and routed 150, answered by the dear one at 15,000, its write 1,000 x 12,500 + 5 M.
    counted = TokenCounts(cache_write=1_000, output=100)
    saving = savings.of_answer(Prices(CHEAP, CHEAP, DEAR, DEAR), counted)
    assert saving == Saving(150, 17_500, Levers(fallback=-14_850, prompt_cache=-2_500))


def test_a_hit_credits_the_cheap_model_first_and_never_a_prompt_cache() -> None:
    counted = TokenCounts(input=400, cache_read=600, output=100)
    saving = savings.of_hit(DEAR, CHEAP, counted)
    assert saving == Saving(15_000, 0, Levers(routing=14_850, exact_cache=150))


def test_what_brought_no_answer_saved_nothing() -> None:
    assert savings.of_charge(7) == Saving(7, 7, Levers())


def test_books_that_do_not_balance_are_refused() -> None:
    with pytest.raises(ValueError, match="does not balance"):
        Saving(10, 3, Levers(routing=6))


@given(st.integers(0, 10**15), st.dictionaries(st.sampled_from(LEVERS), st.integers(0, 10**15)))
def test_any_costs_in_any_order_telescope(baseline: int, after: dict[Any, int]) -> None:
    saving = telescoped(baseline, after)
    last = [after[lever] for lever in LEVERS if lever in after]
    assert saving.cost_nano == (last[-1] if last else baseline)
    assert saving.levers.total == baseline - saving.cost_nano
    assert all(nano == 0 for lever, nano in saving.levers.items() if lever not in after)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Entry, TokenCounts]]:
    """Return the attempts of some calls: failures, then an answer, then perhaps hits on it."""
    rows: list[tuple[str, Entry, TokenCounts]] = []
    for number in range(draw(st.integers(1, 4))):
        asked = draw(st.sampled_from(["auto", "nano", "mid", "frontier", *MODELS]))
        tried = draw(st.lists(st.sampled_from(MODELS), min_size=1, max_size=3, unique=True))
        if asked in MODELS:
            tried = [asked]
        for attempt, model in enumerate(tried, start=1):
            entry = dataclasses.replace(
                ENTRY,
                request_id=f"req_{number}",
                requested_model=asked,
                model=model,
                attempt=attempt,
                routed_model=tried[0] if attempt > 1 else None,
            )
            how = "answered" if attempt == len(tried) else "charged"
            rows.append((how, entry, draw(tokens)))
        for _ in range(draw(st.integers(0, 2))):
            again = dataclasses.replace(entry, attempt=1, routed_model=None, cache="hit")
            rows.append(("hit", again, rows[-1][2]))
    return rows


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories())
def test_the_levers_of_a_history_are_its_baseline_less_its_cost(
    history: list[tuple[str, Entry, TokenCounts]],
) -> None:
    rows = [(how, e, t, getattr(PRICING, how)(e, t)) for how, e, t in history]
    levers = sum((saving.levers for *_, saving in rows), Levers())
    baseline = sum(saving.baseline_nano for *_, saving in rows)
    cost = sum(saving.cost_nano for *_, saving in rows)
    assert levers.total == baseline - cost
    assert cost == sum(real_cost(how, entry, counted) for how, entry, counted, _ in rows)
    assert baseline == sum(list_cost(how, entry, counted) for how, entry, counted, _ in rows)
    for _, entry, _, saving in rows:
        assert entry.requested_model not in MODELS or saving.levers.routing == 0


def real_cost(how: str, entry: Entry, counted: TokenCounts) -> int:
    return 0 if how == "hit" else price(entry.model, counted)


def list_cost(how: str, entry: Entry, counted: TokenCounts) -> int:
    """Work the baseline out anew, by the words of the contract."""
    if how == "charged":
        return price(entry.model, counted)
    asked = entry.requested_model
    if asked == "auto":
        asked = BASELINE
    elif asked not in MODELS:
        asked = entry.routed_model or entry.model
    return price(asked, TokenCounts(input=counted.prompt, output=counted.output))


def price(model: str, counted: TokenCounts) -> int:
    return CATALOG.price_book.price(model, utc(ENTRY.opened_at)).cost(counted)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_that_was_named_saves_by_its_prompt_cache_only(model: str) -> None:
    entry = dataclasses.replace(ENTRY, requested_model=model, model=model)
    counted = TokenCounts(input=10, cache_read=5_000, output=20)
    levers = PRICING.answered(entry, counted).levers
    assert {name for name, nano in levers.items() if nano} <= {"prompt_cache"}
