"""Thinking, sampling, limits and formats in the terms of the other protocol."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.translation import Untranslatable
from tests.unit.domain.test_translation_requests import (
    BALANCED,
    FUNCTION,
    NANO,
    NEW,
    OLD,
    asked,
    chat,
    to_chat,
    to_messages,
)

Json = dict[str, Any]


@pytest.mark.parametrize(("fields", "effort"), [
    ({"thinking": {"type": "disabled"}}, "none"),
    ({"thinking": {"type": "between_tools"}}, "none"),
    ({"thinking": {"type": "adaptive"}}, "high"),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, "xhigh"),
    ({"output_config": {"effort": "low"}}, "low"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
    ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "medium"),
    ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "high"),
])  # fmt: skip
def test_thinking_becomes_a_reasoning_effort(fields: Json, effort: str) -> None:
    assert to_chat(asked(**{**fields, "max_tokens": 20_000}))["reasoning_effort"] == effort


@pytest.mark.parametrize(("effort", "model", "fields"), [
    ("none", OLD, {"thinking": {"type": "disabled"}}),
    ("none", BALANCED, {"thinking": {"type": "between_tools"}}),
    ("minimal", NEW, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    ("max", NEW, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
    ("high", "deepseek-chat", {"thinking": {"type": "adaptive"},
                               "output_config": {"effort": "high"}}),
])  # fmt: skip
def test_a_reasoning_effort_becomes_thinking(effort: str, model: str, fields: Json) -> None:
    translated = to_messages(chat(reasoning_effort=effort), model)
    kept = {name: translated[name] for name in ("thinking", "output_config") if name in translated}
    assert kept == fields


@pytest.mark.parametrize(("model", "fields", "param"), [
    (NEW, {"temperature": 0.5}, "temperature"),
    (NANO, {"top_p": 0.5}, "top_p"),
    ("us.anthropic.claude-opus-4-8-v1:0", {"temperature": 0}, "temperature"),
    ("claude-fable-5-1", {"temperature": 0}, "temperature"),
    (NEW, {"reasoning_effort": "none"}, "reasoning_effort"),
    ("claude-haiku-4-5", {"reasoning_effort": "low"}, "reasoning_effort"),
    ("claude-opus-4-20250514", {"reasoning_effort": "low"}, "reasoning_effort"),
    (NEW, {"tools": [FUNCTION], "tool_choice": "required"}, "tool_choice"),
    (BALANCED, {"tools": [FUNCTION], "tool_choice": FUNCTION}, "tool_choice"),
    (NANO, {"tools": [FUNCTION], "tool_choice": "required", "reasoning_effort": "max"},
     "reasoning_effort"),
])  # fmt: skip
def test_what_a_claude_refuses_is_refused_before_the_call(
    model: str, fields: Json, param: str
) -> None:
    with pytest.raises(Untranslatable) as refused:
        to_messages(chat(**fields), model)
    assert refused.value.param == param


@pytest.mark.parametrize("model", [OLD, "claude-haiku-4-5", "claude-3-5-haiku", "deepseek-chat"])
def test_models_that_take_sampling_are_given_it(model: str) -> None:
    assert to_messages(chat(temperature=0.5), model)["temperature"] == 0.5


def test_sampling_that_is_the_default_is_left_out_for_every_model() -> None:
    translated = to_messages(chat(temperature=1, top_p=1), NEW)
    assert {"temperature", "top_p"} & translated.keys() == set()


def test_thinking_is_turned_off_where_a_tool_is_forced() -> None:
    forced = chat(tools=[FUNCTION], tool_choice=FUNCTION, reasoning_effort="low")
    translated = to_messages(forced, NANO)
    assert translated["tool_choice"] == {"type": "tool", "name": "f"}
    assert translated["thinking"] == {"type": "disabled"}
    assert translated["output_config"] == {"effort": "low"}


def test_a_schema_is_carried_with_its_description() -> None:
    named = {"name": "x", "description": "d", "schema": {"type": "object"}, "strict": False}
    wanted = chat(response_format={"type": "json_schema", "json_schema": named})
    assert to_messages(wanted)["output_config"] == {
        "format": {"type": "json_schema", "schema": {"description": "d", "type": "object"}}
    }


def test_a_limit_is_given_where_the_caller_gave_none() -> None:
    assert to_messages(chat())["max_tokens"] == 4096
    assert to_messages(chat(max_tokens=5))["max_tokens"] == 5
    assert to_messages(chat(max_completion_tokens=5))["max_tokens"] == 5


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert to_chat(asked(stream=True))["stream_options"] == {"include_usage": True}
    assert "stream_options" not in to_chat(asked(stream=False))


def test_a_jpg_is_a_jpeg() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AA=="}}
    translated = to_messages(chat({"role": "user", "content": [image]}))
    assert translated["messages"][0]["content"][0]["source"] == {
        "type": "base64", "media_type": "image/jpeg", "data": "AA==",
    }  # fmt: skip
