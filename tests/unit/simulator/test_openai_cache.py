"""OpenAI's prompt cache, and the automatic ones of the providers that speak its protocol."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.conftest import Simulator

LUNA = "gpt-6-luna"
EXPLICIT = {"mode": "explicit"}
NOON = "2026-11-24T12:00:00+00:00"


def part(tokens: int, character: str = "长", mark: object = None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": character * tokens}
    return block if mark is None else {**block, "prompt_cache_breakpoint": mark}


def message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(parts)}


def body(*messages: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"model": LUNA, "messages": list(messages), "max_completion_tokens": 1, **fields}


def used(simulator: Simulator, request: object, prefix: str = "/v1") -> tuple[int, int, int]:
    """Return the tokens read, written, and neither."""
    answer = simulator.post(request, f"{prefix}/chat/completions").raise_for_status()
    usage = answer.json()["usage"]
    details = usage.get("prompt_tokens_details", {})
    read, written = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)
    return read, written, usage["prompt_tokens"] - read - written


SYSTEM = message("system", part(1_100))
# 3 tokens frame each message, 3 prime the answer.


def test_implicit_mode_writes_a_changing_prompt_every_time_and_never_reads_it(
    simulator: Simulator,
) -> None:
    for character in "短中高":
        request = body(SYSTEM, message("user", part(50, character)))
        assert used(simulator, request) == (0, 1_103 + 53, 3)
    # gpt-6-luna, nano-dollars a token: input 100, 30 minutes' write 125, output 500.
    bills = {line["cost_nano"] for line in simulator.lines(3)}
    assert bills == {1_156 * 125 + 3 * 100 + 500}


def test_implicit_mode_reads_a_growing_conversation(simulator: Simulator) -> None:
    first = [SYSTEM, message("user", part(50))]
    used(simulator, body(*first))
    later = [*first, message("assistant", part(20)), message("user", part(30, "短"))]
    assert used(simulator, body(*later)) == (1_156, 23 + 33, 3)


def test_an_explicit_breakpoint_makes_the_stable_part_readable(simulator: Simulator) -> None:
    system = message("system", part(1_100, mark=EXPLICIT))
    options = {"prompt_cache_options": {"mode": "explicit"}}
    first = body(system, message("user", part(50)), **options)
    second = body(system, message("user", part(60, "短")), **options)
    assert used(simulator, first) == (0, 1_103, 56)
    assert used(simulator, second) == (1_103, 0, 66)
    bills = [line["cost_nano"] for line in simulator.lines(2)]
    assert bills[0] == 1_103 * 125 + 56 * 100 + 500
    assert bills[1] == 1_103 * 10 + 66 * 100 + 500


def test_implicit_and_explicit_breakpoints_work_together(simulator: Simulator) -> None:
    system = message("system", part(1_100, mark=EXPLICIT))
    assert used(simulator, body(system, message("user", part(50)))) == (0, 1_156, 3)
    assert used(simulator, body(system, message("user", part(60, "短")))) == (1_103, 63, 3)


def test_explicit_mode_without_a_breakpoint_is_no_cache(simulator: Simulator) -> None:
    request = body(SYSTEM, prompt_cache_options={"mode": "explicit"})
    assert used(simulator, request) == (0, 0, 1_106)
    assert used(simulator, request) == (0, 0, 1_106)


@pytest.mark.parametrize(("tokens", "written"), [(1_020, 0), (1_021, 1_024)])
def test_below_1024_tokens_nothing_is_cached(
    simulator: Simulator, tokens: int, written: int
) -> None:
    assert used(simulator, body(message("user", part(tokens))))[1] == written


def test_twelve_hours_cost_two_and_a_half_times_the_input(simulator: Simulator) -> None:
    system = message("system", part(1_100, mark={**EXPLICIT, "ttl": "12h"}))
    simulator.set_time(NOON)
    request = body(system, message("user", part(50)))
    assert used(simulator, request) == (0, 1_156, 3)
    line = simulator.line()
    assert (line["cache_write_long_tokens"], line["cache_write_tokens"]) == (1_103, 53)
    assert line["cost_nano"] == 1_103 * 250 + 53 * 125 + 3 * 100 + 500
    simulator.set_time("2026-11-24T23:59:00+00:00")
    assert used(simulator, request) == (1_103, 53, 3)
    simulator.set_time("2026-11-25T00:00:05+00:00")
    assert used(simulator, request)[0] == 1_156
    simulator.set_time("2026-11-25T00:35:00+00:00")
    assert used(simulator, request)[0] == 0


def test_thirty_minutes_are_counted_from_the_write(simulator: Simulator) -> None:
    for minute, read in ((0, 0), (20, 1_103), (29, 1_103), (31, 0)):
        simulator.set_time(f"2026-11-24T12:{minute:02}:00+00:00")
        assert used(simulator, body(SYSTEM))[0] == read


def test_at_most_four_prefixes_are_written(simulator: Simulator) -> None:
    parts = [part(1_100, mark=EXPLICIT), *(part(10, str(n), mark=EXPLICIT) for n in range(4))]
    options = {"prompt_cache_options": {"mode": "explicit"}}
    used(simulator, body(message("user", *parts), **options))
    first_only = body(message("user", parts[0]), **options)
    two = body(message("user", *parts[:2]), **options)
    # Ten digits are 4 tokens.
    assert used(simulator, two)[0] == 1_103 + 4
    assert used(simulator, first_only)[0] == 0


@pytest.mark.parametrize(("between", "read"), [(79, 1_103), (80, 0)])
def test_only_the_latest_80_breakpoints_are_matched(
    simulator: Simulator, between: int, read: int
) -> None:
    options = {"prompt_cache_options": {"mode": "explicit"}}
    first = part(1_100, mark=EXPLICIT)
    used(simulator, body(message("user", first), **options))
    later = [part(1, "短", mark=EXPLICIT) for _ in range(between)]
    assert used(simulator, body(message("user", first, *later), **options))[0] == read


def test_a_cache_key_partitions_the_cache(simulator: Simulator) -> None:
    assert used(simulator, body(SYSTEM, prompt_cache_key="a"))[0] == 0
    assert used(simulator, body(SYSTEM, prompt_cache_key="b"))[0] == 0
    assert used(simulator, body(SYSTEM, prompt_cache_key="a"))[0] == 1_103


def test_other_tools_miss_everything(simulator: Simulator) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("f", "g")]
    used(simulator, body(SYSTEM, tools=tools[:1]))
    assert used(simulator, body(SYSTEM, tools=tools[1:]))[0] == 0
    assert used(simulator, body(SYSTEM, tools=tools[:1]))[0] == 1_103 + 1


def test_a_breakpoint_does_not_change_the_answer(simulator: Simulator) -> None:
    plain = body(message("user", part(30)), max_completion_tokens=50)
    marked = body(message("user", part(30, mark=EXPLICIT)), max_completion_tokens=50)
    texts = [simulator.post(b).json()["choices"][0]["message"]["content"] for b in (plain, marked)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt_cache_options": {"ttl": "12h"}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"surprise": 1}}, "prompt_cache_options.surprise"),
        ({"prompt_cache_retention": "in_memory"}, "prompt_cache_retention"),
        ({"model": "gpt-5-mini", "prompt_cache_options": {}}, "prompt_cache_options"),
        (
            {"model": "gpt-5-mini", "messages": [message("user", part(1, mark=EXPLICIT))]},
            "prompt_cache_breakpoint",
        ),
    ],
)
def test_a_cache_field_that_the_model_does_not_take_is_400(
    simulator: Simulator, change: dict[str, Any], param: str
) -> None:
    answer = simulator.post({**body(SYSTEM), **change})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


# The prompt up to the changing message: 3 + 5,000 tokens; then 3 + 40, and 3 that prime.
AUTOMATIC = [
    ("/deepseek", "deepseek-flash", 5_003 // 64 * 64, 3_600),
    ("/xai/v1", "grok-4.7", 5_003 // 64 * 64, 240),
    ("/v1", "gpt-5-mini", 5_003 // 128 * 128, 540),
    ("/gemini/v1beta/openai", "gemini-3.8-flash", 5_003 // 256 * 256, 240),
    ("/qwen/compatible-mode/v1", "qwen-plus-latest", 0, 60),
]


@pytest.mark.parametrize(("prefix", "model", "read", "seconds"), AUTOMATIC)
def test_automatic_caches_read_whole_units_of_a_common_prefix_and_write_for_nothing(
    simulator: Simulator, prefix: str, model: str, read: int, seconds: int
) -> None:
    system = message("system", part(5_000))
    simulator.set_time(NOON)
    first = body(system, message("user", part(40)), model=model)
    assert used(simulator, first, prefix) == (0, 0, 5_049)
    simulator.set_time(f"2026-11-24T{12 + seconds // 3600}:{seconds % 3600 // 60:02}:00+00:00")
    second = body(system, message("user", part(40, "短")), model=model)
    assert used(simulator, second, prefix) == (read, 0, 5_049 - read)
    line = simulator.lines(2)[1]
    assert (line["cached_tokens"], line["cache_write_tokens"]) == (read, 0)


def test_gpt_5_mini_keeps_a_day_on_request(simulator: Simulator) -> None:
    request = body(SYSTEM, model="gpt-5-mini", prompt_cache_retention="24h")
    simulator.set_time(NOON)
    used(simulator, request)
    simulator.set_time("2026-11-25T11:59:00+00:00")
    assert used(simulator, request)[0] == 1_024


def test_deepseek_reports_hits_and_misses_and_bills_them(simulator: Simulator) -> None:
    simulator.set_time(NOON)
    request = body(message("user", part(194)), model="deepseek-flash", max_tokens=1)
    del request["max_completion_tokens"]
    usages = [simulator.post(request, "/deepseek/chat/completions").json()["usage"] for _ in "ab"]
    told = [(u["prompt_cache_hit_tokens"], u["prompt_cache_miss_tokens"]) for u in usages]
    assert told == [(0, 200), (192, 8)]
    # Off-peak, nano-dollars a token: miss 150, hit 3, output 600.
    bills = [line["cost_nano"] for line in simulator.lines(2)]
    assert bills == [200 * 150 + 600, 192 * 3 + 8 * 150 + 600]
