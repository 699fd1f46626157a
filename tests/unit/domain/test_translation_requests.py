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


def test_the_results_of_parallel_calls_and_what_is_said_next_are_one_user_turn() -> None:
    second = {**CALL, "id": "d"}
    translated = to_messages(chat(
        USER,
        {"role": "assistant", "content": "looking", "tool_calls": [CALL, second]},
        {"role": "tool", "tool_call_id": "c", "content": "1"},
        {"role": "tool", "tool_call_id": "d", "content": ""},
        {"role": "user", "content": "go on"},
    ))  # fmt: skip
    assert translated["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "looking"}, {**USE, "id": "c"}, {**USE, "id": "d"}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "content": "1"},
            {"type": "tool_result", "tool_use_id": "d"},
            {"type": "text", "text": "go on"}]},
    ]  # fmt: skip


def test_instructions_move_into_system_in_their_order() -> None:
    translated = to_messages(chat(
        {"role": "system", "content": "a"}, USER, {"role": "developer", "content": "b"}, USER,
    ))  # fmt: skip
    assert translated["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert [message["role"] for message in translated["messages"]] == ["user"]


def test_an_empty_answer_in_the_history_is_left_out() -> None:
    translated = to_messages(chat(USER, {"role": "assistant", "content": ""}, USER))
    assert translated["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}] * 2}
    ]


def test_ids_of_calls_that_anthropic_refuses_are_rewritten_alike_and_apart() -> None:
    odd = [{**CALL, "id": each} for each in ("f.g:", "f_2e_g:", "functions-f-0")]
    translated = to_messages(chat(
        USER, {"role": "assistant", "tool_calls": odd},
        *({"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in odd),
    ))  # fmt: skip
    calls = [block["id"] for block in translated["messages"][1]["content"]]
    results = [block["tool_use_id"] for block in translated["messages"][2]["content"]]
    assert calls == results
    assert len(set(calls)) == 3
    assert calls[2] == "functions-f-0"
    assert all(set(each) <= set(TOOL_ID_LETTERS) for each in calls)


TOOL_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


def test_a_refusal_in_the_history_stays_as_text_and_reasoning_goes() -> None:
    said = {"role": "assistant", "content": None, "refusal": "no", "reasoning_content": "hm"}
    translated = to_messages(chat(USER, said, USER))
    assert translated["messages"][1] == {"role": "assistant", "content": "no"}


def test_thinking_in_the_history_goes_because_its_signature_means_nothing_there() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    redacted = {"type": "redacted_thinking", "data": "x"}
    said = {"role": "assistant", "content": [thought, redacted, {"type": "text", "text": "a"}]}
    translated = to_chat(asked(USER, said, {"role": "assistant", "content": [thought]}, USER))
    hi = {"role": "user", "content": "hi"}
    assert translated["messages"] == [hi, {"role": "assistant", "content": "a"}, hi]


@pytest.mark.parametrize(
    ("content", "text"),
    [("no file", "Error: no file"), (None, "Error: "), ("", "Error: ")],
)
def test_a_failed_tool_says_so_in_its_text(content: str | None, text: str) -> None:
    failed = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": content}
    told = to_chat(asked({"role": "user", "content": [failed]}))["messages"]
    assert told == [{"role": "tool", "tool_call_id": "t", "content": text}]


def test_results_leave_their_turn_ahead_of_what_the_user_says() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "1", **MARK}
    told = to_chat(asked({"role": "user", "content": [{"type": "text", "text": "x"}, result]}))
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    assert told["messages"] == [
        {"role": "tool", "tool_call_id": "t",
         "content": [{"type": "text", "text": "1", **mark}]},
        {"role": "user", "content": "x"},
    ]  # fmt: skip


def test_a_text_document_becomes_its_text_under_its_title() -> None:
    document = {"type": "document", "title": "T", "context": "C", "source": {
        "type": "text", "media_type": "text/plain", "data": "D"}}  # fmt: skip
    told = to_chat(asked({"role": "user", "content": [document]}))["messages"]
    assert told == [{"role": "user", "content": "T\n\nC\n\nD"}]


def test_instructions_in_the_middle_stay_where_they_are_in_chat() -> None:
    told = to_chat(asked(USER, {"role": "system", "content": "now"}, USER, system="s"))
    assert [message["role"] for message in told["messages"]] == [
        "system", "user", "system", "user",
    ]  # fmt: skip


@pytest.mark.parametrize(("ttl", "mark"), [
    (None, {"mode": "explicit"}), ("5m", {"mode": "explicit"}),
    ("1h", {"mode": "explicit", "ttl": "30m"}),
])  # fmt: skip
def test_a_cache_marker_keeps_its_place(ttl: str | None, mark: Json) -> None:
    block = {"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": ttl}}
    part = to_chat(asked(system=[block]))["messages"][0]["content"][0]
    assert part == {"type": "text", "text": "s", "prompt_cache_breakpoint": mark}
    back = to_messages(chat({"role": "system", "content": [part]}, USER))
    assert back["system"] == [{"type": "text", "text": "s", **MARK}]


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
