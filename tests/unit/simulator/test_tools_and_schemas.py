"""Tool calls and JSON answers, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from openai import OpenAI

from local.simulator.schema_values import UnsatisfiableSchemaError, value_for
from tests.unit.simulator.test_chat import ask, chunks

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 3},
        "note": {"type": "string"},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": {}}},
]
PERSON = {
    "type": "object",
    "$defs": {"tag": {"type": "string", "minLength": 30}},
    "properties": {
        "name": {"type": "string", "maxLength": 4},
        "score": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        "age": {"type": "integer", "exclusiveMinimum": 17, "maximum": 18},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 3},
        "nothing": {"type": "null"},
        "maybe": {"type": ["null", "boolean"]},
        "either": {"anyOf": [{"const": "left"}, {"type": "null"}]},
        "born": {"type": "string", "format": "date"},
        "kin": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["name", "score", "age", "tags", "nothing", "maybe", "either", "born", "kin"],
}


def test_required_makes_a_call_whose_arguments_satisfy_the_schema(openai: OpenAI) -> None:
    choice = ask(openai, "hello", tools=TOOLS, tool_choice="required").choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    [call] = choice.message.tool_calls
    assert call.function.name == "weather"
    jsonschema.validate(json.loads(call.function.arguments), WEATHER)


def test_a_named_choice_calls_that_function(openai: OpenAI) -> None:
    named = {"type": "function", "function": {"name": "clock"}}
    [call] = ask(openai, "hello", tools=TOOLS, tool_choice=named).choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("clock", "{}")


def test_call_directives_make_parallel_calls_that_stream_as_deltas(openai: OpenAI) -> None:
    text = "[call weather] [call clock]"
    whole = ask(openai, text, tools=TOOLS)
    received = chunks(openai, text, tools=TOOLS, stream_options={"include_usage": True})
    parts: dict[int, dict[str, str]] = {}
    for chunk in received:
        for delta in [call for c in chunk.choices for call in c.delta.tool_calls or []]:
            part = parts.setdefault(delta.index, {"arguments": ""})
            assert delta.function is not None
            part["arguments"] += delta.function.arguments or ""
            if delta.id and delta.function.name:
                part |= {"id": delta.id, "name": delta.function.name}
    expected = [
        {"arguments": c.function.arguments, "id": c.id, "name": c.function.name}
        for c in whole.choices[0].message.tool_calls
    ]
    assert [parts[0], parts[1]] == expected
    assert received[-2].choices[0].finish_reason == "tool_calls"
    assert received[-1].usage == whole.usage


@pytest.mark.parametrize(
    ("text", "options", "called"),
    [
        ("[call weather] [call clock]", {"parallel_tool_calls": False}, ["weather"]),
        ("[call weather]", {"tool_choice": "none"}, []),
        ("[call absent]", {}, []),
        ("hello", {}, []),
    ],
)
def test_calls_are_made_only_where_they_are_allowed(
    openai: OpenAI, text: str, options: dict[str, Any], called: list[str]
) -> None:
    message = ask(openai, text, tools=TOOLS, **options).choices[0].message
    assert [call.function.name for call in message.tool_calls or []] == called


def test_a_tools_result_is_answered_in_words(openai: OpenAI) -> None:
    asked = {"role": "user", "content": "[call clock]"}
    call = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    made = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
    answer = ask(openai, "", messages=[asked, made, result], tools=TOOLS)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"


def test_a_token_limit_cuts_arguments_short(openai: OpenAI) -> None:
    choice = ask(openai, "[call weather]", tools=TOOLS, max_tokens=6).choices[0]
    assert choice.finish_reason == "length"
    arguments = choice.message.tool_calls[0].function.arguments
    assert arguments.startswith("{")
    assert not arguments.endswith("}")


def test_a_json_schema_answer_satisfies_its_schema(openai: OpenAI) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    answer = ask(openai, "Who?", response_format=wanted)
    jsonschema.validate(json.loads(answer.choices[0].message.content), PERSON)


def test_a_json_object_answer_is_an_object(openai: OpenAI) -> None:
    answer = ask(openai, "Answer in JSON", response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


@pytest.mark.parametrize("seed", range(40))
def test_every_seed_satisfies_the_schema(seed: int) -> None:
    jsonschema.validate(value_for(PERSON, bytes([seed])), PERSON)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a+$"},
        {"type": "string", "format": "hostname"},
        {"type": "integer", "minimum": 0.2, "maximum": 0.8},
        {"type": "colour"},
        {"enum": []},
        {"$ref": "#/$defs/absent"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"required": 5, "type": "object"},
        {"required": [None], "type": "object"},
    ],
)
def test_a_schema_that_cannot_be_satisfied_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(UnsatisfiableSchemaError):
        value_for(schema, b"seed")
