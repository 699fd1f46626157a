"""What the exact cache and the providers' prompt caches would have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.replay.logs import facts, line, replayed

HOUR = 3_600
LONG = "Answer from the handbook. " * 400
"""About 2,000 tokens."""
CUT_OFF = {
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "length"}
    ]
}


def hits(tmp_path: Path, *rows: Any, **others: Any) -> list[bool]:
    return [each.served_by is None for each in replayed(tmp_path, *rows, **others)]


def test_the_same_question_within_the_hour_is_a_hit_and_after_it_is_not(tmp_path: Path) -> None:
    rows = [line(after=0), line(after=HOUR - 1), line(after=HOUR + 1)]
    assert hits(tmp_path, *rows) == [False, True, False]


def test_lines_are_replayed_in_the_order_of_time_not_of_the_log(tmp_path: Path) -> None:
    found = replayed(tmp_path, line(after=10), line(after=0))
    assert [(each.call.line, each.served_by is None) for each in found] == [(2, False), (1, True)]


def test_three_repeats_make_an_answer_last_a_day(tmp_path: Path) -> None:
    often = [line(after=60 * n) for n in range(4)]
    assert hits(tmp_path, *often, line(after=20 * HOUR)) == [False, True, True, True, True]
    assert hits(tmp_path, *often[:3], line(after=20 * HOUR)) == [False, True, True, False]


def test_repeats_are_remembered_when_an_answer_has_expired(tmp_path: Path) -> None:
    apart = [line(after=2 * HOUR * n) for n in range(4)]
    assert hits(tmp_path, *apart, line(after=20 * HOUR)) == [False, False, False, False, True]


def test_a_question_about_the_moment_is_never_a_hit(tmp_path: Path) -> None:
    rows = [line("What is the weather today?", after=n) for n in range(3)]
    assert not any(hits(tmp_path, *rows))


def test_an_answer_can_be_served_only_once_its_call_has_ended(tmp_path: Path) -> None:
    rows = [line(after=n, latency_ms=5_000) for n in (0, 4, 6)]
    assert hits(tmp_path, *rows) == [False, False, True]


def test_tenants_share_no_answer_but_users_of_one_do(tmp_path: Path) -> None:
    assert hits(tmp_path, line(team="a"), line(team="b", after=1)) == [False, False]
    assert hits(tmp_path, line(user="a"), line(user="b", after=1)) == [False, True]


def test_an_answer_that_was_cut_off_is_not_stored(tmp_path: Path) -> None:
    assert hits(tmp_path, line(response=CUT_OFF), line(after=1)) == [False, False]


@pytest.mark.parametrize(("control", "expected"), [("bypass", False), ("ttl=60", True)])
def test_the_callers_cache_control_counts(tmp_path: Path, control: str, *, expected: bool) -> None:
    rows = [line(sluice={"cache": control}, after=n) for n in range(2)]
    assert hits(tmp_path, *rows) == [False, expected]


def test_a_wished_lifetime_replaces_the_default(tmp_path: Path) -> None:
    rows = [line(after=0), line(after=30)]
    assert hits(tmp_path, *rows, known=facts(ttl=20)) == [False, False]
    assert hits(tmp_path, *rows, known=facts(ttl=40)) == [False, True]


def claude(after: float, question: str, **others: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10_000, "output_tokens": 100}
    row = line(question, model="claude-opus-5-5", after=after, usage=None, **others)
    return {**row, "system": LONG, "max_tokens": 200, "usage": usage}


def prompt_cache(tmp_path: Path, *rows: Any, **others: Any) -> list[int]:
    return [each.alone["prompt_cache"] for each in replayed(tmp_path, *rows, **others)]


def test_a_stable_start_is_written_at_a_premium_and_then_read(tmp_path: Path) -> None:
    first, second = replayed(tmp_path, claude(0, "Who?"), claude(60, "When?"))
    # Without: 10,000 x $4/M + 100 x $20/M = 0.04 + 0.002
    assert first.as_it_was == second.as_it_was == 42_000_000
    # Almost the whole prompt is its start: 1.25 times the input, then a twentieth of it.
    assert 50_000_000 < first.alone["prompt_cache"] < 52_000_000
    assert 4_000_000 < second.alone["prompt_cache"] < 5_000_000


def test_the_start_of_a_single_call_only_costs_its_premium(tmp_path: Path) -> None:
    (only,) = replayed(tmp_path, claude(0, "Who?"))
    assert only.alone["prompt_cache"] > only.as_it_was


def test_anthropic_forgets_after_five_minutes_without_use(tmp_path: Path) -> None:
    used = [claude(200 * n, f"Question {n}?") for n in range(4)]
    costs = prompt_cache(tmp_path, *used, claude(600 + 301, "Late?"))
    assert costs[0] > 50_000_000
    assert all(cost < 5_000_000 for cost in costs[1:4])
    assert costs[4] > 50_000_000


def test_openai_forgets_half_an_hour_after_the_write_used_or_not(tmp_path: Path) -> None:
    rows = [
        line(f"Question {n}?", system=LONG, after=after, usage=(10_000, 100))
        for n, after in enumerate((0, 1_000, 1_799, 1_801))
    ]
    costs = prompt_cache(tmp_path, *rows)
    assert [cost > 100_000_000 for cost in costs] == [True, False, False, True]


def test_parallel_cold_calls_all_miss_until_the_first_answers(tmp_path: Path) -> None:
    rows = [claude(after, f"Question {after}?", latency_ms=3_000) for after in (0, 2, 4)]
    costs = prompt_cache(tmp_path, *rows)
    assert [cost > 50_000_000 for cost in costs] == [True, True, False]


def test_a_start_below_the_models_minimum_is_left_alone(tmp_path: Path) -> None:
    row = {**claude(0, "Who?"), "system": "Be brief."}
    (only,) = replayed(tmp_path, row)
    assert only.alone["prompt_cache"] == only.as_it_was


def test_a_callers_own_markers_are_left_as_they_were_billed(tmp_path: Path) -> None:
    block = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    billed = {"input_tokens": 100, "cache_read_input_tokens": 9_900, "output_tokens": 100}
    row = {**claude(0, "Who?"), "system": [block], "usage": billed}
    (only,) = replayed(tmp_path, row)
    # 100 x $4/M + 9,900 x $0.20/M + 100 x $20/M
    assert only.as_it_was == only.alone["prompt_cache"] == 400_000 + 1_980_000 + 2_000_000


def test_without_usage_the_providers_own_rules_are_part_of_the_bill_as_it_was(
    tmp_path: Path,
) -> None:
    # gpt-6 writes the newest message implicitly: a changing question pays 1.25 times, each time.
    rows = [line(f"Question {n}?", system=LONG, after=n, usage=None) for n in range(2)]
    without = [each.as_it_was for each in replayed(tmp_path, *rows)]
    tokens = replayed(tmp_path, *rows)[0].call.counted.tokens
    # at $12.50 a million, and 300 tokens out at $50
    assert without == [tokens.prompt * 12_500 + 300 * 50_000] * 2


def test_without_usage_an_automatic_cache_reads_for_itself(tmp_path: Path) -> None:
    rows = [
        line(f"Question {n}?", model="gpt-5.4", system=LONG, after=n, usage=None) for n in range(2)
    ]
    first, second = (each.as_it_was for each in replayed(tmp_path, *rows))
    assert second < first
    assert prompt_cache(tmp_path, *rows) == [first, second]
