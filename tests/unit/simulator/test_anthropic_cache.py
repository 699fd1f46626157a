"""Anthropic's prompt cache: what is read, what is written, and what each costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.simulator.prompt import Block, Prompt
from local.simulator.prompt_cache.rules import AnthropicCache
from local.simulator.prompt_cache.shelf import Shelf
from tests.unit.simulator.conftest import KEY, Simulator

SONNET = "claude-sonnet-5-5"
SHORT = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}
NOON = "2026-11-24T12:00:00+00:00"


def text(tokens: int, character: str = "长", mark: object = None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": character * tokens}
    return block if mark is None else {**block, "cache_control": mark}


def body(*system: dict[str, Any], said: object = "[echo a]", **fields: object) -> dict[str, Any]:
    messages = [{"role": "user", "content": said}]
    base = {"model": SONNET, "max_tokens": 100, "messages": messages}
    return {**base, **({"system": list(system)} if system else {}), **fields}


def used(simulator: Simulator, request: object) -> tuple[int, int, int, int]:
    """Return the tokens read, written for 5 minutes, written for 1 hour, and untouched."""
    answer = simulator.message(request)
    usage = answer.raise_for_status().json()["usage"]
    made = usage["cache_creation"]
    short, long = made["ephemeral_5m_input_tokens"], made["ephemeral_1h_input_tokens"]
    assert usage["cache_creation_input_tokens"] == short + long
    return usage["cache_read_input_tokens"], short, long, usage["input_tokens"]


# "[echo a]" is 4 tokens, 3 frame its message, 3 prime the answer.
REST = 10


def test_a_marked_prefix_is_written_once_and_read_after(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    assert used(simulator, request) == (0, 600, 0, REST)
    assert used(simulator, request) == (600, 0, 0, REST)
    # Sonnet, nano-dollars a token: input 2,000, read 100, 5 minutes' write 2,500, output 10,000.
    bills = [line["cost_nano"] for line in simulator.lines(2)]
    assert bills[0] == 600 * 2_500 + 10 * 2_000 + 1 * 10_000
    assert bills[1] == 600 * 100 + 10 * 2_000 + 1 * 10_000


def test_both_write_classes_are_billed_at_their_own_rates(simulator: Simulator) -> None:
    request = body(text(700, mark=LONG), text(300, "短", mark=SHORT))
    assert used(simulator, request) == (0, 300, 700, REST)
    line = simulator.line()
    assert (line["cache_write_tokens"], line["cache_write_long_tokens"]) == (300, 700)
    assert line["prompt_tokens"] == 1_010
    assert line["cost_nano"] == 700 * 4_000 + 300 * 2_500 + 10 * 2_000 + 10_000


def test_a_long_haiku_prompt_costs_five_times_as_much_in_every_class(simulator: Simulator) -> None:
    system = [text(60_000, mark=LONG), text(39_991, "短", mark=SHORT)]
    at_100_001 = body(*system, model="claude-haiku-5-5")
    assert used(simulator, at_100_001) == (0, 39_991, 60_000, REST)
    assert used(simulator, at_100_001) == (99_991, 0, 0, REST)
    at_100_000 = body(system[0], text(39_990, "短", mark=SHORT), model="claude-haiku-5-5")
    assert used(simulator, at_100_000) == (60_000, 39_990, 0, REST)
    bills = [line["cost_nano"] for line in simulator.lines(3)]
    assert bills[0] == 5 * (60_000 * 200 + 39_991 * 125 + 10 * 100 + 500)
    assert bills[1] == 5 * (99_991 * 10 + 10 * 100 + 500)
    assert bills[2] == 60_000 * 10 + 39_990 * 125 + 10 * 100 + 500


@pytest.mark.parametrize(
    ("model", "minimum"),
    [(SONNET, 512), ("claude-opus-5-5", 512), ("claude-haiku-5-5", 4_096)],
)
def test_below_the_minimum_nothing_is_cached_and_nothing_said(
    simulator: Simulator, model: str, minimum: int
) -> None:
    below = body(text(minimum - 1, mark=SHORT), model=model)
    assert used(simulator, below) == (0, 0, 0, minimum - 1 + REST)
    assert used(simulator, below) == (0, 0, 0, minimum - 1 + REST)
    enough = body(text(minimum, mark=SHORT), model=model)
    assert used(simulator, enough) == (0, minimum, 0, REST)


@pytest.mark.parametrize(("mark", "seconds"), [(SHORT, 300), (LONG, 3_600)])
def test_an_entry_lives_for_its_ttl_and_no_longer(
    simulator: Simulator, mark: object, seconds: int
) -> None:
    request = body(text(600, mark=mark))
    simulator.set_time(NOON)
    used(simulator, request)
    simulator.set_time(f"2026-11-24T{12 + seconds // 3_600:02}:{seconds % 3_600 // 60:02}:05+00:00")
    assert used(simulator, request)[0] == 0


def test_a_read_starts_the_lifetime_anew(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    for minute in (0, 4, 8, 12):
        simulator.set_time(f"2026-11-24T12:{minute:02}:00+00:00")
        assert used(simulator, request)[0] == (600 if minute else 0)
    simulator.set_time("2026-11-24T12:17:05+00:00")
    assert used(simulator, request)[0] == 0


def test_tools_come_before_system_and_system_before_messages(simulator: Simulator) -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": SHORT}
    tools = [{**tool, "description": "长" * 600}]
    other_tools = [{**tool, "description": "短" * 600}]
    said = [text(600, mark=SHORT), text(1)]
    first = body(text(600, mark=SHORT), said=said, tools=tools)
    # 346 tokens of Anthropic's own instructions, and "f", "type", "object", description.
    in_tools = 346 + 3 + 600
    in_messages = 3 + 600
    rest = 1 + 3
    assert used(simulator, first) == (0, in_tools + 600 + in_messages, 0, rest)
    assert used(simulator, first) == (in_tools + 600 + in_messages, 0, 0, rest)
    new_system = body(text(600, "短", mark=SHORT), said=said, tools=tools)
    assert used(simulator, new_system) == (in_tools, 600 + in_messages, 0, rest)
    new_message = body(text(600, mark=SHORT), said=[text(600, "短", mark=SHORT)], tools=tools)
    assert used(simulator, new_message) == (in_tools + 600, in_messages, 0, 3)
    new_tools = body(text(600, mark=SHORT), said=said, tools=other_tools)
    assert used(simulator, new_tools) == (0, in_tools + 600 + in_messages, 0, rest)


@pytest.mark.parametrize(
    "change",
    [
        {"tool_choice": {"type": "none"}},
        {"thinking": {"type": "adaptive"}},
    ],
)
def test_settings_of_the_turn_lose_the_messages_and_keep_the_system(
    simulator: Simulator, change: dict[str, object]
) -> None:
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    said = [text(600, mark=SHORT)]
    used(simulator, body(text(600, mark=SHORT), said=said, tools=tools))
    read, written, _long, _rest = used(
        simulator, body(text(600, mark=SHORT), said=said, tools=tools, **change)
    )
    assert (read, written) == (346 + 3 + 600, 603)


@pytest.mark.parametrize(("between", "read"), [(19, 600), (20, 0)])
def test_a_breakpoint_looks_back_over_20_blocks(
    simulator: Simulator, between: int, read: int
) -> None:
    used(simulator, body(text(600, mark=SHORT)))
    later = [text(1, "短") for _ in range(between - 1)]
    assert used(simulator, body(text(600), *later, text(1, mark=SHORT)))[0] == read


def test_a_growing_conversation_reads_its_last_turn(simulator: Simulator) -> None:
    turns: list[dict[str, Any]] = [{"role": "user", "content": [text(600)]}]
    first = body(cache_control=SHORT) | {"messages": turns}
    assert used(simulator, first) == (0, 603, 0, 3)
    turns += [
        {"role": "assistant", "content": "长" * 100},
        {"role": "user", "content": "短" * 50},
    ]
    assert used(simulator, first | {"messages": turns}) == (603, 103 + 53, 0, 3)


def test_an_entry_is_written_at_breakpoints_only(simulator: Simulator) -> None:
    used(simulator, body(text(600), text(600, mark=SHORT)))
    assert used(simulator, body(text(600, mark=SHORT)))[0] == 0


def test_keys_and_models_share_nothing(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    used(simulator, request)
    assert used(simulator, {**request, "model": "claude-opus-5-5"})[0] == 0
    headers = {"x-api-key": KEY + "-other", "anthropic-version": "2023-06-01"}
    path = "/anthropic/v1/messages"
    other = simulator.control.post(path, json=request, headers=headers).json()
    assert other["usage"]["cache_read_input_tokens"] == 0
    assert used(simulator, request)[0] == 600


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_cold_requests_all_miss_until_one_has_begun_to_answer(
    simulator: Simulator, *, stream: bool
) -> None:
    simulator.fault(kind="slow_first_byte", seconds=0.8, times=3)
    request = body(text(600, mark=SHORT), stream=stream)
    with ThreadPoolExecutor(3) as pool:
        for _answer in pool.map(simulator.message, [request] * 3):
            pass
    assert [line["cached_tokens"] for line in simulator.lines(3)] == [0, 0, 0]
    assert used(simulator, body(text(600, mark=SHORT)))[0] == 600


def test_a_prefix_is_there_once_an_answer_has_begun_and_not_before() -> None:
    shelf, rule = Shelf(), AnthropicCache(minimum=1)
    prompt = Prompt((Block(b"x", ("x",) * 9, seconds=300),))
    first, second = (shelf.visit(("a",), rule, prompt, at=0) for _ in range(2))
    first.keep(at=1)
    third = shelf.visit(("a",), rule, prompt, at=2)
    assert [(v.cached, v.written) for v in (first, second, third)] == [(0, 9), (0, 9), (9, 0)]
    assert shelf.visit(("b",), rule, prompt, at=2).cached == 0


def test_a_refused_request_caches_nothing(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    simulator.fault(kind="status", status=529)
    assert simulator.message(request).status_code == 529
    assert used(simulator, request)[0] == 0


def test_max_tokens_0_fills_the_cache(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    assert used(simulator, {**request, "max_tokens": 0}) == (0, 600, 0, REST)
    assert used(simulator, request)[0] == 600


def test_reset_empties_the_cache(simulator: Simulator) -> None:
    request = body(text(600, mark=SHORT))
    used(simulator, request)
    simulator.control.post("/_control/reset").raise_for_status()
    assert used(simulator, request)[0] == 0
