"""Our closed Messages schema against the request types of the stock Anthropic SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from anthropic.types import (
    Message,
    content_block_param,
    message_count_tokens_params,
    message_create_params,
    thinking_config_param,
    tool_choice_param,
    tool_param,
    tool_union_param,
)
from pydantic import TypeAdapter

from shared.domain.errors import InvalidRequest
from shared.domain.messages import COUNTED, parse_count, parse_messages
from shared.domain.messages.refusals import REFUSED, REFUSED_TYPES
from shared.domain.messages.request import WIRE_ONLY, MessagesRequest, Tool
from tests.contracts.stock_sdks import exhausted

USER = {"role": "user", "content": "hi"}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True}
USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
MARK = {"type": "ephemeral", "ttl": "1h"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
BETA = {"mcp_servers", "context_management"}

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"stop_sequences": ["a", "b"], "metadata": {"user_id": "u"}, "service_tier": "standard_only"},
    {"temperature": 0.5, "top_p": 1, "top_k": 5},
    {"stream": True, "speed": "standard"},
    {"system": "s", "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    {"system": [{"type": "text", "text": "s", "cache_control": MARK, "citations": None}]},
    {"thinking": {"type": "adaptive", "display": "omitted"}, "cache_control": MARK},
    {"thinking": {"type": "disabled"}},
    {"thinking": {"type": "between_tools"}},
    {"output_config": {"effort": "max", "format": {"type": "json_schema", "schema": {}}}},
    {"tools": [TOOL, {**TOOL, "name": "g", "type": "custom", "cache_control": MARK,
                      "input_examples": [{"a": 1}], "eager_input_streaming": True,
                      "defer_loading": False, "allowed_callers": ["direct"]}],
     "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    {"tools": [TOOL], "tool_choice": {"type": "any"}},
    {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
    {"tools": [TOOL], "tool_choice": {"type": "none"}},
    {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}, IMAGE,
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"},
         "transformations": {"oversized_image": "error"}},
        {**DOCUMENT, "title": "t", "context": "c", "citations": {"enabled": True}}]}]},
    {"messages": [USER, {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "t"},
        {**USE, "caller": {"type": "direct"}, "cache_control": MARK}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no"},
            {"type": "tool_result", "tool_use_id": "u", "content": [IMAGE, DOCUMENT]},
            {"type": "tool_result", "tool_use_id": "v"}]}]},
    {"messages": [USER, {"role": "assistant", "content": "a"},
                  {"role": "system", "content": "from now on"}, USER]},
]  # fmt: skip


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "auto", "max_tokens": 100, "messages": [USER], **fields}


@pytest.mark.parametrize("fields", ACCEPTED)
def test_what_the_sdk_sends_is_accepted(fields: dict[str, Any]) -> None:
    request = body(**fields)
    kind = (
        message_create_params.MessageCreateParamsStreaming
        if request.get("stream")
        else message_create_params.MessageCreateParamsNonStreaming
    )
    judge = TypeAdapter(kind)  # outlives what it checks lazily
    exhausted(judge.validate_python(request))
    assert parse_messages(request).model == "auto"


def test_every_field_of_the_sdk_is_either_served_or_refused_by_name() -> None:
    known = set(get_type_hints(message_create_params.MessageCreateParamsBase)) | {"stream"}
    ours = set(MessagesRequest.__struct_fields__)
    assert known == (ours - WIRE_ONLY) | (set(REFUSED) - BETA)
    assert known & (WIRE_ONLY | BETA) == set()


def test_every_field_of_a_tool_of_the_sdk_is_served() -> None:
    assert set(get_type_hints(tool_param.ToolParam)) == set(Tool.__struct_fields__)


def tags(kind: Any) -> Iterator[str]:
    for each in get_args(kind) if get_origin(kind) is Union else [kind]:
        hints = get_type_hints(each)
        yield from get_args(hints["type"])


def test_every_content_block_of_the_sdk_is_served_or_refused_with_its_reason() -> None:
    for tag in tags(content_block_param.ContentBlockParam):
        for role in ("user", "assistant"):
            with pytest.raises(InvalidRequest) as refused:
                parse_messages(body(messages=[{"role": role, "content": [{"type": tag}]}]))
            message = refused.value.message
            is_served = message.startswith("Object missing required field")
            is_of_the_other_role = tag not in REFUSED_TYPES and role_of(tag) != role
            assert is_served or is_of_the_other_role or "is refused: it" in message, tag


def role_of(tag: str) -> str:
    return "assistant" if tag in {"thinking", "redacted_thinking", "tool_use"} else "user"


def test_every_tool_type_of_the_sdk_but_the_callers_own_is_refused_with_its_reason() -> None:
    own, *hosted = get_args(tool_union_param.ToolUnionParam)
    assert own is tool_param.ToolParam
    for kind in hosted:
        for tag in tags(kind):
            with pytest.raises(InvalidRequest, match="is refused: it") as refused:
                parse_messages(body(tools=[{"type": tag, "name": "x", "max_uses": 3}]))
            assert refused.value.param == "tools[0].type"


@pytest.mark.parametrize("union", [tool_choice_param.ToolChoiceParam,
                                   thinking_config_param.ThinkingConfigParam])  # fmt: skip
def test_every_choice_and_thinking_of_the_sdk_is_served(union: Any) -> None:
    field = "tool_choice" if union is tool_choice_param.ToolChoiceParam else "thinking"
    for tag in tags(union):
        full = {"type": tag, "name": "f", "budget_tokens": 1024}
        wanted = {"tool": {"type", "name"}, "enabled": {"type", "budget_tokens"}}
        kept = {k: v for k, v in full.items() if k in wanted.get(tag, {"type"})}
        parse_messages(body(max_tokens=2000, **{field: kept}))


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_a_refused_field_is_named_with_its_reason(field: str) -> None:
    with pytest.raises(InvalidRequest, match=field) as refused:
        parse_messages(body(**{field: {}}))
    assert refused.value.param == field


def test_a_response_can_be_sent_back_as_the_sdk_dumps_it() -> None:
    message = Message.model_validate({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "thinking", "thinking": "t", "signature": "s"},
                    {"type": "text", "text": "x"}, USE],
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1},
    })  # fmt: skip
    for content in (
        [block.model_dump() for block in message.content],
        [block.model_dump(exclude_unset=True) for block in message.content],
    ):
        parse_messages(body(messages=[USER, {"role": "assistant", "content": content}, USER]))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 1.1}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"api_base": "http://evil.example"}, "api_base"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{**USER, "name": "n"}]}, "messages[0].name"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]},
         "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": "http://a/b.png"}}]}]},
         "messages[0].content[0].source.url"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image", "source": {"type": "file", "file_id": "f"}}]}]},
         "messages[0].content[0].source.type"),
        ({"messages": [{"role": "user", "content": [
            {"type": "document", "source": {"type": "base64", "data": "AA==",
                                            "media_type": "application/pdf"}}]}]},
         "messages[0].content[0].source.type"),
        ({"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral",
                                                                    "ttl": "2h"}}]},
         "system[0].cache_control.ttl"),
        ({"system": [{"text": "s"}]}, "system[0].type"),
        ({"messages": [{"role": "user", "content": [
            {"type": "document", "source": {"media_type": "text/plain", "data": "d"}}]}]},
         "messages[0].content[0].source.type"),
        ({"service_tier": "auto"}, "service_tier"),
        ({"speed": "fast"}, "speed"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        ({"tools": [{**TOOL, "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**TOOL, "allowed_callers": ["code_execution_20250825"]}]},
         "tools[0].allowed_callers[0]"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_path(fields: dict[str, Any], param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_messages(body(**fields))
    assert refused.value.param == param
    assert refused.value.status == 400


def test_more_than_a_thousand_messages_are_refused() -> None:
    parse_messages(body(messages=[USER] * 1000))
    with pytest.raises(InvalidRequest):
        parse_messages(body(messages=[USER] * 1001))


def test_a_token_count_takes_the_fields_of_the_sdk_and_no_others() -> None:
    known = set(get_type_hints(message_count_tokens_params.MessageCountTokensParams))
    assert known - set(REFUSED) == COUNTED
    counted = {"model": "auto", "messages": [USER], "system": "s", "tools": [TOOL]}
    assert parse_count(counted).asked().has_tools
    with pytest.raises(InvalidRequest) as refused:
        parse_count({**counted, "max_tokens": 5})
    assert refused.value.param == "max_tokens"
