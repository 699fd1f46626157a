"""Messages requests as Converse's, judged by botocore's model and by the simulator's reading."""

from __future__ import annotations

from typing import Any

import botocore.session
import msgspec
import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.bedrock_converse.request import read_body
from local.simulator.bedrock_converse.translation import to_messages
from shared.adapters.providers.converse_request import DROPPED, to_converse, writes_last_long
from shared.domain.errors import InvalidRequest
from shared.domain.messages import MessagesRequest
from shared.domain.translation.untranslatable import Untranslatable
from tests.unit.domain.translatable import Json, message_requests

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
CONVERSE = SERVICE.operation_model("Converse")
USER = {"role": "user", "content": "hi"}
USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "done"}
CALLED = [USER, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}]
TOOL = {"name": "f", "input_schema": {"type": "object"}}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
MARK = {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}


def body(**fields: Any) -> Json:
    return {"model": "m", "max_tokens": 9, "messages": [USER], **fields}


def on_the_wire(asked: Json) -> bytes:
    """Return what boto3 would send; fails where AWS's own model refuses the arguments."""
    assert CONVERSE.input_shape is not None
    report = ParamValidator().validate(asked, CONVERSE.input_shape)
    assert not report.has_errors(), report.generate_report()
    serializer = create_serializer("rest-json", include_validation=False)
    sent: bytes = serializer.serialize_to_request(asked, CONVERSE)["body"]
    return sent


def as_the_provider_reads_it(asked: Json) -> Json:
    return dict(msgspec.to_builtins(to_messages(read_body(on_the_wire(asked)), "m")))


def refusal_of(given: Json) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        to_converse(given)
    return refused.value


def told(given: Json, *names: str) -> list[Any]:
    """What a request says in its roles and words, whatever the shape."""
    return [
        (message["role"], block.get("type"), *(block.get(name) for name in names))
        for message in given["messages"]
        for block in blocks(message["content"])
    ]


def blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


SAID = ("text", "source", "thinking", "signature", "id", "name", "input", "tool_use_id")


@settings(deadline=None)
@given(message_requests)
def test_what_can_be_carried_keeps_its_meaning_and_the_rest_is_refused_by_name(
    given_body: Json,
) -> None:
    if has_no_counterpart(given_body):
        assert refusal_of(given_body).param
        return
    asked = to_converse(given_body)
    read = as_the_provider_reads_it(asked)
    assert told(read, *SAID) == told(given_body, *SAID)
    for name in ("max_tokens", "stop_sequences", "temperature", "top_p"):
        assert read.get(name) == given_body.get(name)
    assert texts_of(read.get("system")) == texts_of(given_body.get("system"))
    assert tools_of(read) == tools_of(given_body)


def has_no_counterpart(given: Json) -> bool:
    shown = str(given["messages"])
    alone = (given.get("tool_choice") or {}).get("disable_parallel_tool_use")
    results = [
        part
        for message in given["messages"]
        for block in blocks(message["content"])
        if block["type"] == "tool_result"
        for part in blocks(block["content"])
    ]
    return "'url'" in shown or bool(alone) or any("cache_control" in part for part in results)


def texts_of(system: Any) -> list[str]:
    return [block["text"] for block in blocks(system or [])]


def tools_of(given: Json) -> list[Any]:
    names = ("name", "input_schema", "description", "strict")
    return [[tool.get(name) for name in names] for tool in given.get("tools") or []]


def test_the_parts_of_a_request_land_where_converse_wants_them() -> None:
    asked = to_converse(body(
        system="Be brief.", temperature=0.5, top_p=0.9, top_k=5, stop_sequences=["END"],
        thinking={"type": "adaptive"}, tools=[TOOL], tool_choice={"type": "any"},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"a": 1}}},
    ))  # fmt: skip
    on_the_wire(asked)
    assert asked == {
        "modelId": "m",
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {
            "maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"],
        },
        "additionalModelRequestFields": {"thinking": {"type": "adaptive"}, "top_k": 5},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"any": {}},
        },
        "outputConfig": {
            "effort": "low",
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"a":1}'}},
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, {"auto": {}}),
        ({"type": "auto", "disable_parallel_tool_use": False}, {"auto": {}}),
        ({"type": "any"}, {"any": {}}),
        ({"type": "tool", "name": "f"}, {"tool": {"name": "f"}}),
    ],
)
def test_a_tool_choice_has_its_counterpart(choice: Any, expected: Json) -> None:
    asked = to_converse(body(tools=[TOOL], tool_choice=choice))
    assert asked["toolConfig"]["toolChoice"] == expected


def test_tools_are_forbidden_by_not_offering_them() -> None:
    none = {"tools": [TOOL], "tool_choice": {"type": "none"}}
    assert "toolConfig" not in to_converse(body(**none))
    assert refusal_of(body(messages=CALLED, **none)).param == "tool_choice"


def test_every_kind_of_block_has_its_counterpart() -> None:
    failed = {**RESULT, "is_error": True, "content": [{"type": "image", "source": PNG}]}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "aGlkZGVu"}
    used = {**USE, "caller": {"type": "direct"}, "toolset_name": None}
    asked = to_converse(body(messages=[
        {"role": "user", "content": [{"type": "image", "source": PNG}]},
        {"role": "assistant", "content": [thought, hidden, used]},
        {"role": "user", "content": [failed, {**RESULT, "content": None}]},
    ]))  # fmt: skip
    on_the_wire(asked)
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n\x1a\n"}}}
    assert [message["content"] for message in asked["messages"]] == [
        [image],
        [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
            {"reasoningContent": {"redactedContent": b"hidden"}},
            {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
        ],
        [
            {"toolResult": {"toolUseId": "t", "content": [image], "status": "error"}},
            {"toolResult": {"toolUseId": "t", "content": []}},
        ],
    ]


def test_messages_of_one_role_become_one_because_converse_wants_roles_to_alternate() -> None:
    asked = to_converse(body(messages=[USER, {"role": "user", "content": "again"}]))
    assert asked["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "again"}]}]


def test_cache_marks_become_cache_points_behind_what_they_mark() -> None:
    marked = {"type": "text", "text": "x", "cache_control": MARK}
    asked = to_converse(body(
        system=[marked], tools=[{**TOOL, "cache_control": MARK}],
        messages=[{"role": "user", "content": [marked]}], cache_control={"type": "ephemeral"},
    ))  # fmt: skip
    on_the_wire(asked)
    assert asked["system"] == [{"text": "x"}, POINT]
    assert asked["toolConfig"]["tools"][1] == POINT
    assert asked["messages"][0]["content"] == [{"text": "x"}, POINT]
    assert writes_last_long(asked)


def test_caching_the_whole_request_is_a_point_at_its_end() -> None:
    asked = to_converse(body(cache_control={"type": "ephemeral"}))
    assert asked["messages"][0]["content"][-1] == {"cachePoint": {"type": "default"}}
    assert not writes_last_long(asked)


DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}
CITED = {"type": "text", "text": "t", "citations": [{"type": "char_location"}]}


@pytest.mark.parametrize(
    ("content", "param"),
    [
        ([{"type": "image", "source": {"type": "url", "url": "https://a/b"}}], "[0].source"),
        ([DOCUMENT], "[0]"),
        ([CITED], "[0].citations"),
        ([{"type": "image", "source": PNG, "transformations": {"a": "b"}}], "[0].transformations"),
        ([{**RESULT, "content": [{"type": "text", "text": "x", "cache_control": MARK}]}],
         "[0].content"),
        ([{**RESULT, "content": [DOCUMENT]}], "[0].content[0]"),
        ([{"type": "image", "source": {**PNG, "data": "not base64!"}}], "[0].source"),
        ([{"type": "redacted_thinking", "data": "é"}], "[0]"),
    ],
)  # fmt: skip
def test_content_that_cannot_be_carried_is_refused_by_its_place(
    content: list[Json], param: str
) -> None:
    given = body(messages=[{"role": "user", "content": content}])
    assert refusal_of(given).param == f"messages[0].content{param}"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [USER, {"role": "system", "content": "x"}]}, "messages[1].role"),
        ({"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
         "tool_choice.disable_parallel_tool_use"),
        ({"tools": [{**TOOL, "eager_input_streaming": True}]}, "tools[0].eager_input_streaming"),
        ({"tools": [{**TOOL, "input_examples": [{}]}]}, "tools[0].input_examples"),
        ({"invented_later": 1}, "body.invented_later"),
    ],
)  # fmt: skip
def test_fields_without_a_counterpart_are_refused_by_name(fields: Json, param: str) -> None:
    refused = refusal_of(body(**fields))
    assert isinstance(refused, Untranslatable)
    assert refused.param == param


def test_every_field_of_a_messages_request_is_carried_dropped_or_refused() -> None:
    from shared.adapters.providers.converse_request import _CARRIED

    assert set(MessagesRequest.__struct_fields__) == _CARRIED | set(DROPPED)
    given = body(metadata={"user_id": "u"}, service_tier="standard_only", speed="standard")
    assert to_converse(given) == to_converse(body())


@given(st.binary(max_size=30))
def test_redacted_thinking_comes_back_as_it_went(data: bytes) -> None:
    from shared.adapters.providers.converse_answer import redacted

    sent = to_converse(body(messages=[USER, {"role": "assistant", "content": [redacted(data)]}]))
    assert sent["messages"][1]["content"][0]["reasoningContent"]["redactedContent"] == data
