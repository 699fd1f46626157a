"""Requests in the terms of the other protocol, field by field, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.chat import ChatRequest, parse_chat
from shared.domain.messages import MessagesRequest, parse_messages
from shared.domain.translation import Untranslatable, chat_to_messages, messages_to_chat
from shared.domain.translation.untranslatable import (
    CHAT_DROPPED,
    CHAT_NEUTRAL,
    CHAT_REFUSED,
    MESSAGES_DROPPED,
)

Json = dict[str, Any]

USER = {"role": "user", "content": "hi"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CUSTOM_CALL = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
MARK = {"cache_control": {"type": "ephemeral"}}
OLD, NEW, BALANCED, NANO = (
    "claude-sonnet-4-6", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5",
)  # fmt: skip


def chat(*messages: Json, **fields: Any) -> Json:
    return {"model": "auto", "messages": list(messages) or [USER], **fields}


def asked(*messages: Json, **fields: Any) -> Json:
    return {"model": "auto", "max_tokens": 9000, "messages": list(messages) or [USER], **fields}


def to_messages(body: Json, model: str = OLD) -> Json:
    parse_chat(body)
    return chat_to_messages(body, model=model, max_tokens_default=4096)


def to_chat(body: Json) -> Json:
    parse_messages(body)
    return messages_to_chat(body, model="gpt-6-luna")


CHAT_VALUES: Json = {
    "messages": [{"role": "user", "content": "other"}], "frequency_penalty": 1,
    "function_call": "auto", "functions": [{"name": "f"}], "logit_bias": {"1": 1},
    "logprobs": True, "max_completion_tokens": 7, "max_tokens": 7, "metadata": {"user_id": "u"},
    "modalities": ["text"], "n": 2, "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"}, "presence_penalty": 1,
    "prompt_cache_key": "k", "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h", "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    "safety_identifier": "s", "seed": 1, "service_tier": "default", "stop": "x", "store": True,
    "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5,
    "tool_choice": "none", "tools": [FUNCTION, FUNCTION], "top_logprobs": 1, "top_p": 0.5,
    "user": "u", "verbosity": "low",
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(set(ChatRequest.__struct_fields__) - {"model"}))
def test_every_chat_field_is_carried_over_refused_by_name_or_listed_as_dropped(field: str) -> None:
    before = chat(tools=[FUNCTION], stream=False)
    after = {**before, field: CHAT_VALUES[field]}
    if field == "stream_options":
        before["stream"] = after["stream"] = True
    parse_chat(after)
    if field in CHAT_REFUSED:
        with pytest.raises(Untranslatable, match=field) as refused:
            to_messages(after)
        assert refused.value.param == field
        assert "OpenAI chat" in refused.value.message
        assert "Anthropic messages" in refused.value.message
    else:
        assert (to_messages(after) == to_messages(before)) == (field in CHAT_DROPPED)


@pytest.mark.parametrize("field", sorted(CHAT_NEUTRAL))
def test_a_chat_field_that_asks_for_what_happens_anyway_is_taken(field: str) -> None:
    for value in (*CHAT_NEUTRAL[field], None):
        assert to_messages(chat(**{field: value})) == to_messages(chat())


MESSAGES_VALUES: Json = {
    "max_tokens": 7, "messages": [{"role": "user", "content": "other"}],
    "cache_control": {"type": "ephemeral"}, "metadata": {"user_id": "u"},
    "output_config": {"effort": "low"}, "service_tier": "standard_only", "speed": "standard",
    "stop_sequences": ["x"], "stream": True, "system": "s", "temperature": 0.5,
    "thinking": {"type": "disabled"}, "tool_choice": {"type": "none"}, "tools": [TOOL, TOOL],
    "top_k": 5, "top_p": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(set(MessagesRequest.__struct_fields__) - {"model"}))
def test_every_messages_field_is_carried_over_refused_or_listed_as_dropped(field: str) -> None:
    before = asked(tools=[TOOL])
    after = {**before, field: MESSAGES_VALUES[field]}
    if field == "top_k":
        with pytest.raises(Untranslatable, match=r"Anthropic messages to OpenAI chat") as refused:
            to_chat(after)
        assert refused.value.param == "top_k"
    else:
        assert (to_chat(after) == to_chat(before)) == (field in MESSAGES_DROPPED)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (chat(temperature=1.5), "temperature"),
        (chat(stop=["a", "\n"]), "stop"),
        (chat(response_format={"type": "json_object"}), "response_format"),
        (chat(response_format={"type": "json_schema", "json_schema": {"name": "x"}}),
         "response_format"),
        (chat(metadata={"team": "x"}), "metadata.team"),
        (chat(tools=[{"type": "custom", "custom": {"name": "c"}}]), "tools[0].type"),
        (chat(tools=[{"type": "function", "function": {
            "name": "f", "parameters": {"type": "array"}}}]), "tools[0].function.parameters"),
        (chat(tools=[FUNCTION], tool_choice={"type": "allowed_tools", "allowed_tools": {
            "mode": "auto", "tools": []}}), "tool_choice"),
        (chat(tools=[FUNCTION], tool_choice={"type": "custom", "custom": {"name": "c"}}),
         "tool_choice"),
        (chat(tool_choice="required"), "tool_choice"),
        (chat({**USER, "name": "n"}), "messages[0].name"),
        (chat({"role": "user", "content": " "}), "messages[0].content"),
        (chat({"role": "system", "content": "s"}), "messages"),
        (chat(USER, {"role": "assistant", "content": "begun"}), "messages"),
        (chat({"role": "user", "content": [
            {"type": "text", "text": "t"},
            {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA=="}}]}),
         "messages[0].content[1].image_url.url"),
        (chat(USER, {"role": "assistant", "function_call": {"name": "f", "arguments": ""}}, USER),
         "messages[1].function_call"),
        (chat(USER, {"role": "function", "name": "f", "content": "1"}), "messages[1].role"),
        (chat(USER, {"role": "assistant", "tool_calls": [CALL, CUSTOM_CALL]}, USER),
         "messages[1].tool_calls[1].type"),
        *((chat(USER, {"role": "assistant", "tool_calls": [
            {**CALL, "function": {"name": "f", "arguments": arguments}}]}, USER),
           "messages[1].tool_calls[0].function.arguments")
          for arguments in ("{", "[]", "1", '{"a": NaN}', "[" * 9999)),
    ],
)  # fmt: skip
def test_what_messages_cannot_say_is_refused_by_its_path(body: Json, param: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        to_messages(body)
    assert refused.value.param == param
    assert refused.value.status == 400
    assert refused.value.code == "not_translatable"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (asked(stop_sequences=list("abcde")), "stop_sequences"),
        (asked(tool_choice={"type": "any"}), "tool_choice"),
        (asked(tools=[{**TOOL, "name": "n" * 65}]), "tools[0].name"),
        (asked(tools=[{**TOOL, "input_examples": [{}]}]), "tools[0].input_examples"),
        (asked(thinking={"type": "disabled"}, output_config={"effort": "low"}),
         "output_config.effort"),
        (asked(USER, {"role": "assistant", "content": "begun"}), "messages[1]"),
        (asked({"role": "user", "content": [
            {"type": "text", "text": "t"},
            {"type": "image", "source": {"type": "url", "url": "https://a"},
             "transformations": {"oversized_image": "error"}}]}),
         "messages[0].content[1].transformations.oversized_image"),
        (asked({"role": "user", "content": [
            {"type": "document", "citations": {"enabled": True}, "source": {
                "type": "text", "media_type": "text/plain", "data": "d"}}]}),
         "messages[0].content[0].citations"),
        (asked({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "image", "source": {"type": "url", "url": "https://a"}}]}]}),
         "messages[0].content[0].content[0]"),
    ],
)  # fmt: skip
def test_what_chat_cannot_say_is_refused_by_its_path(body: Json, param: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        to_chat(body)
    assert refused.value.param == param
