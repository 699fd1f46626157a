"""The bill with each lever alone and with all together."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.replay_facts import CatalogFacts
from shared.domain.replay.scenarios import LEVERS, Wishes
from shared.domain.replay.summary import largest, summed
from tests.unit.replay.logs import DAY, facts, line, replayed

EASY = "What is the capital of France?"
HARD = "Analyze the trade-offs, design the architecture and prove the algorithm step by step."
KNOWN = facts()
WAITING = Wishes(DAY, batch_all=True)


def test_an_easy_call_is_routed_to_the_cheapest_nano_model(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(EASY))
    # 1,000 x $10/M + 100 x $50/M = 0.015; on nano 1,000 x $0.10/M + 100 x $0.50/M = 0.00015
    assert found.as_it_was == 15_000_000
    assert found.alone["routing"] == found.together == 150_000
    assert found.served_by is not None
    assert (found.served_by.tier, found.saved["routing"]) == ("nano", 14_850_000)


def test_a_hard_call_goes_to_the_cheapest_frontier_model(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(HARD))
    # 1,000 x $4/M + 100 x $20/M
    assert found.together == 6_000_000
    assert found.served_by is not None
    assert found.served_by.id == "claude-opus-5-5"


def test_a_call_is_never_routed_to_a_dearer_model_than_its_own(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(HARD, model="gpt-6-luna"))
    assert found.together == found.as_it_was == found.alone["routing"]
    assert found.served_by is not None
    assert found.served_by.id == "gpt-6-luna"


def test_a_model_that_cannot_take_the_request_is_passed_over(tmp_path: Path) -> None:
    # Both nano models cost the same; only OpenAI's takes a seed.
    (found,) = replayed(tmp_path, line(EASY, seed=1))
    assert found.served_by is not None
    assert found.served_by.id == "gpt-6-luna"


def test_only_enabled_providers_are_routed_to(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(HARD), known=facts("openai"))
    assert found.served_by is not None
    assert found.served_by.id == "gpt-6-astra"
    assert found.saved["routing"] == 0


def test_a_call_that_may_wait_costs_half(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(HARD, model="claude-opus-5-5", may_wait=True))
    assert found.as_it_was == 6_000_000
    assert found.alone["batch"] == found.together == 3_000_000
    assert found.saved["batch"] == 3_000_000


@pytest.mark.parametrize(
    ("wishes", "others"),
    [
        (Wishes(DAY), {"sluice": {"deadline": "24h"}}),
        (Wishes(DAY, batched=frozenset({"nightly"})), {"feature": "nightly"}),
        (WAITING, {}),
    ],
)
def test_a_deadline_a_label_or_a_wish_says_that_a_call_may_wait(
    tmp_path: Path, wishes: Wishes, others: dict[str, Any]
) -> None:
    (found,) = replayed(tmp_path, line(HARD, **others), wishes=wishes)
    assert found.alone["batch"] * 2 == found.as_it_was


def test_a_call_that_nobody_lets_wait_is_not_batched(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(HARD, feature="chat"))
    assert found.alone["batch"] == found.as_it_was


def test_a_provider_without_a_batch_price_batches_nothing(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line(model="deepseek-v4-pro"), wishes=WAITING)
    assert found.alone["batch"] == found.as_it_was


def test_a_batch_counts_on_no_prompt_cache_even_where_that_is_dearer(tmp_path: Path) -> None:
    row = line(HARD, model="claude-opus-5-5")
    row["usage"] = {
        "prompt_tokens": 1_000,
        "completion_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 1_000},
    }
    (found,) = replayed(tmp_path, row, wishes=WAITING)
    # Read: 1,000 x $0.20/M. In a batch: 1,000 x $2/M.
    assert (found.as_it_was, found.alone["batch"]) == (200_000, 2_000_000)
    assert found.saved["batch"] == -1_800_000


def test_each_call_has_the_price_of_its_own_day_and_the_routed_one_that_of_the_replay(
    tmp_path: Path,
) -> None:
    # Long before gpt-6 existed. 1,000 x $5/M + 100 x $25/M; routed 150,000 as above.
    row = line(EASY, model="claude-opus-4-6", timestamp="2026-03-01T09:00:00Z")
    (found,) = replayed(tmp_path, row)
    assert (found.as_it_was, found.together) == (7_500_000, 150_000)


def test_before_any_routed_model_existed_nothing_is_routed(tmp_path: Path) -> None:
    day = date(2026, 3, 1)
    row = line(EASY, model="claude-opus-4-6", timestamp="2026-03-01T09:00:00Z")
    known = CatalogFacts(("openai", "anthropic"), day)
    (found,) = replayed(tmp_path, row, known=known, wishes=Wishes(day))
    assert found.together == found.as_it_was


def test_what_the_gateway_refuses_costs_the_same_in_every_scenario(tmp_path: Path) -> None:
    rows = [line(EASY, web_search_options={}, after=n, may_wait=True) for n in range(2)]
    for found in replayed(tmp_path, *rows):
        assert found.call.refusal is not None
        assert {found.together, *found.alone.values()} == {found.as_it_was}


def test_a_hit_saves_the_whole_call(tmp_path: Path) -> None:
    _, second = replayed(tmp_path, line(EASY), line(EASY, after=1))
    assert (second.together, second.saved) == (0, {"exact_cache": 15_000_000})


def test_levers_alone_overlap(tmp_path: Path) -> None:
    found = summed(replayed(tmp_path, line(EASY), line(EASY, after=1)))
    alone = sum(found.total.as_it_was - each.alone for each in found.levers.values())
    assert alone > found.total.saved


words = st.sampled_from([EASY, HARD, "Translate: hello", "What is the latest news?", "x" * 9_000])
models = st.sampled_from(["gpt-6-astra", "claude-opus-5-5", "gpt-5", "deepseek-flash", "auto"])
calls = st.builds(
    lambda text, model, after, prompt, wait, system: line(
        text,
        model=model,
        after=after,
        usage=None if prompt is None else (prompt, prompt // 10),
        may_wait=wait,
        system=system,
    ),
    words,
    models,
    st.integers(0, 7_200),
    st.none() | st.integers(0, 300_000),
    st.booleans(),
    st.none() | st.just("Answer from the handbook. " * 400),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(calls, min_size=1, max_size=8))
def test_what_the_levers_bring_together_adds_up_to_the_saving_for_every_call_and_in_all(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = replayed(tmp_path_factory.getbasetemp(), *rows, known=KNOWN)
    assert len(found) == len(rows)
    for each in found:
        assert sum(each.saved.values()) == each.as_it_was - each.together
        assert each.together >= 0
        assert each.alone["routing"] <= each.as_it_was
    total = summed(found)
    assert sum(lever.saved_together for lever in total.levers.values()) == total.total.saved
    for groups in (total.by_model, total.by_tier, total.by_label):
        assert sum(group.as_it_was for group in groups.values()) == total.total.as_it_was
        assert sum(group.together for group in groups.values()) == total.total.together


def test_the_largest_groups_keep_every_dollar(tmp_path: Path) -> None:
    rows = [line(f"Question {n}?", feature=f"f{n}", usage=(100 * n, 1)) for n in range(1, 9)]
    groups = summed(replayed(tmp_path, *rows)).by_label
    shown = largest(groups, 3)
    assert [name for name, _ in shown] == ["f8", "f7", "6 others"]
    assert sum(each.as_it_was for _, each in shown) == sum(e.as_it_was for e in groups.values())


def test_every_lever_has_a_bill_of_its_own(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, line())
    assert tuple(found.alone) == LEVERS
