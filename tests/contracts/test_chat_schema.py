"""Our closed chat schema against the request types of the stock OpenAI SDK."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from openai.types.chat import completion_create_params as sdk
from pydantic import TypeAdapter

from shared.domain.chat import REFUSED, ChatRequest, parse_chat
from shared.domain.errors import InvalidRequest
from tests.contracts.stock_sdks import exhausted

USER = {"role": "user", "content": "hi"}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ROLES = [{"role": role} for role in ("system", "developer", "user", "assistant")] + [
    {"role": "tool", "tool_call_id": "c"}
]

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"temperature": 0.5, "top_p": 1, "n": 2, "seed": 7, "stop": ["a", "b"], "user": "u"},
    {"stop": "x", "presence_penalty": -2, "frequency_penalty": 2, "logit_bias": {"50256": -100}},
    {"max_completion_tokens": 10, "reasoning_effort": "high", "verbosity": "low"},
    {"max_tokens": 10, "logprobs": True, "top_logprobs": 3},
    {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "auto"},
    {"tools": [{"type": "function", "function": FUNCTION}], "parallel_tool_calls": False,
     "tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"tools": [{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
     "tool_choice": {"type": "custom", "custom": {"name": "c"}}},
    {"tools": [{"type": "custom", "custom": {"name": "c", "format": {
        "type": "grammar", "grammar": {"definition": "x", "syntax": "lark"}}}}]},
    {"tools": [{"type": "function", "function": FUNCTION}],
     "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
    {"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}},
    {"response_format": {"type": "json_object"}},
    {"prediction": {"type": "content", "content": "x"}, "store": False, "metadata": {"a": "b"}},
    {"prompt_cache_key": "k", "prompt_cache_options": {"mode": "explicit", "ttl": "30m"}},
    {"prompt_cache_retention": "24h", "safety_identifier": "s", "service_tier": "default"},
    {"modalities": ["text"]},
    {"messages": [{"role": "system", "content": "s", "name": "n"},
                  {"role": "developer", "content": [{"type": "text", "text": "t"}]}, USER]},
    {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]},
    {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                  {"role": "tool", "tool_call_id": "c", "content": "42"}]},
    {"messages": [USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
                  USER]},
    {"messages": [{**message, "content": [{"type": "text", "text": "t"}]} for message in ROLES]},
    {"messages": [USER, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
                  {"role": "function", "name": "f", "content": "1"}]},
]  # fmt: skip


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [USER], **fields}


@pytest.mark.parametrize("fields", ACCEPTED)
def test_what_the_sdk_sends_is_accepted(fields: dict[str, Any]) -> None:
    request = body(**fields)
    kind = (
        sdk.CompletionCreateParamsStreaming
        if request.get("stream")
        else sdk.CompletionCreateParamsNonStreaming
    )
    judge = TypeAdapter(kind)  # outlives what it checks lazily
    exhausted(judge.validate_python(request))
    assert parse_chat(request).model == "auto"


def test_every_field_of_the_sdk_is_either_served_or_refused_by_name() -> None:
    known = set(get_type_hints(sdk.CompletionCreateParamsBase)) | {"stream"}
    ours = set(ChatRequest.__struct_fields__)
    assert known == ours | set(REFUSED)


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_a_refused_field_is_named_with_its_reason(field: str) -> None:
    with pytest.raises(InvalidRequest, match=field) as refused:
        parse_chat(body(**{field: {}}))
    assert refused.value.param == field


def test_a_response_message_can_be_sent_back_as_the_sdk_dumps_it() -> None:
    from openai.types.chat import ChatCompletionMessage

    message = ChatCompletionMessage(role="assistant", content="hello", annotations=[])
    parse_chat(body(messages=[USER, message.model_dump(), USER]))
    parse_chat(body(messages=[USER, message.model_dump(exclude_unset=True), USER]))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"n": 0}, "n"),
        ({"top_k": 5}, "top_k"),
        ({"api_base": "http://evil.example"}, "api_base"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "extra": 1}]}, "messages[0].extra"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]},
         "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]},
         "messages[0].content[0].image_url.url"),
        *(({"messages": [{**message, "content": [{"text": "x"}]}]}, "messages[0].content[0].type")
          for message in ROLES),
        ({"prediction": {"type": "content", "content": [{"text": "x"}]}},
         "prediction.content[0].type"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"modalities": ["audio"]}, "modalities[0]"),
        ({"max_tokens": 10, "max_completion_tokens": 10}, None),
        ({"stream_options": {"include_usage": True}}, None),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"logit_bias": {"1": 200}}, "logit_bias[...]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_path(fields: dict[str, Any], param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_chat(body(**fields))
    assert refused.value.param == param
    assert refused.value.status == 400


def test_more_than_a_thousand_messages_are_refused() -> None:
    parse_chat(body(messages=[USER] * 1000))
    with pytest.raises(InvalidRequest):
        parse_chat(body(messages=[USER] * 1001))
