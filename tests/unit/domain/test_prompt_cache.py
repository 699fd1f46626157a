"""Where prompt-cache markers are set, and where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.prompt_cache import marked

LONG = "You are the assistant of a shop. " * 200
SHORT = "Be brief."
TOOL = {"name": "f", "description": LONG, "input_schema": {"type": "object"}}
EPHEMERAL = {"type": "ephemeral"}
EXPLICIT = {"mode": "explicit"}


def user(text: str = "hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def claude(**fields: Any) -> dict[str, Any]:
    return marked({"messages": [user()], **fields}, "anthropic", 1024, "search")


def gpt(*messages: dict[str, Any], team: str = "search", **fields: Any) -> dict[str, Any]:
    return marked({"messages": list(messages), **fields}, "openai-explicit", 1024, team)


def test_long_instructions_are_marked_at_their_end() -> None:
    assert claude(system=LONG)["system"] == [
        {"type": "text", "text": LONG, "cache_control": EPHEMERAL}
    ]
    blocks = [{"type": "text", "text": LONG}, {"type": "text", "text": SHORT}]
    assert claude(system=blocks)["system"] == [
        blocks[0], {**blocks[1], "cache_control": EPHEMERAL},
    ]  # fmt: skip


def test_tools_count_and_are_marked_where_there_are_no_instructions() -> None:
    assert claude(tools=[TOOL])["tools"] == [{**TOOL, "cache_control": EPHEMERAL}]
    with_both = claude(tools=[TOOL], system=SHORT)
    assert with_both["tools"] == [TOOL]
    assert with_both["system"][0]["cache_control"] == EPHEMERAL


def test_a_start_that_many_lines_of_a_batch_share_is_kept_for_an_hour_and_a_few_lines_not() -> None:
    body = {"messages": [user()], "system": LONG}
    for alike, marker in ((19, EPHEMERAL), (20, {"type": "ephemeral", "ttl": "1h"})):
        asked = marked(body, "anthropic", 1024, "search", alike=alike)
        assert asked["system"][0]["cache_control"] == marker
    assert "1h" not in str(marked({**body, "system": SHORT}, "anthropic", 1024, "s", alike=99))
    assert "1h" not in str(marked(body, "openai-explicit", 1024, "search", alike=99))


def test_below_the_minimum_nothing_is_marked() -> None:
    assert claude(system=SHORT) == {"messages": [user()], "system": SHORT}


@pytest.mark.parametrize(
    "own",
    [
        {"cache_control": EPHEMERAL},
        {"tools": [{**TOOL, "cache_control": EPHEMERAL}]},
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "x", "cache_control": EPHEMERAL}]}]},
    ],
)  # fmt: skip
def test_a_callers_own_marker_wins(own: dict[str, Any]) -> None:
    body = {"messages": [user()], "system": LONG, **own}
    assert marked(body, "anthropic", 1024, "search") == body


def test_a_single_turn_is_marked_after_its_instructions() -> None:
    system = {"role": "system", "content": LONG}
    body = gpt(system, user())
    assert body["prompt_cache_options"] == EXPLICIT
    assert body["messages"] == [
        {**system, "content": [
            {"type": "text", "text": LONG, "prompt_cache_breakpoint": EXPLICIT}]},
        user(),
    ]  # fmt: skip


def test_the_cache_key_names_the_team_and_the_stable_start_only() -> None:
    system = {"role": "system", "content": LONG}
    key = gpt(system, user("one"))["prompt_cache_key"]
    assert key == gpt(system, user("two"))["prompt_cache_key"]
    assert key != gpt(system, user("one"), team="support")["prompt_cache_key"]
    assert key != gpt({**system, "content": LONG + "x"}, user("one"))["prompt_cache_key"]
    assert gpt(system, user(), prompt_cache_key="mine")["prompt_cache_key"] == "mine"


def test_a_long_single_turn_without_a_stable_start_pays_no_write_fee() -> None:
    body = gpt(user(LONG))
    assert body["prompt_cache_options"] == EXPLICIT
    assert body["messages"] == [user(LONG)]


def test_a_short_prompt_is_left_alone() -> None:
    assert gpt(user()) == {"messages": [user()]}


def test_a_conversation_stays_in_implicit_mode() -> None:
    turns = [{"role": "system", "content": LONG}, user(), {"role": "assistant", "content": "x"}]
    body = gpt(*turns, user("more"))
    assert "prompt_cache_options" not in body
    assert body["messages"][0] == turns[0]
    assert body["prompt_cache_key"]


@pytest.mark.parametrize(
    "own",
    [
        {"prompt_cache_options": {"mode": "implicit"}},
        {"prompt_cache_retention": "24h"},
    ],
)
def test_a_callers_own_options_win(own: dict[str, Any]) -> None:
    system = {"role": "system", "content": LONG}
    assert gpt(system, user(), **own) == {"messages": [system, user()], **own}


@pytest.mark.parametrize("style", ["automatic", "none"])
def test_a_model_that_caches_by_itself_or_not_at_all_is_left_alone(style: str) -> None:
    body = {"messages": [{"role": "system", "content": LONG}, user()]}
    assert marked(body, style, 1024, "search") == body
