"""Anthropic's protocol, judged by the stock SDK with strict validation."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from anthropic import Anthropic

from tests.unit.simulator.conftest import Simulator
from tests.unit.simulator.test_tools_and_schemas import PERSON, WEATHER

HAIKU = "claude-haiku-5-5"
TOOLS = [
    {"name": "weather", "input_schema": WEATHER},
    {"name": "clock", "input_schema": {"type": "object"}},
]
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def ask(client: Anthropic, text: str, **options: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return client.messages.create(
        **{"model": HAIKU, "max_tokens": 1000, "messages": messages, **options}
    )


def streamed(client: Anthropic, text: str, **options: Any) -> list[Any]:
    return list(ask(client, text, stream=True, **options))


def gathered(client: Anthropic, text: str, **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    wanted: dict[str, Any] = {"model": HAIKU, "max_tokens": 1000, "messages": messages, **options}
    with client.messages.stream(**wanted) as stream:
        return stream.get_final_message()


def test_a_question_gets_a_whole_answer_with_every_usage_field(anthropic: Anthropic) -> None:
    answer = ask(anthropic, "[echo alpha beta]")
    assert (answer.content[0].text, answer.stop_reason) == ("alpha beta", "end_turn")
    assert answer.model == HAIKU
    assert answer.usage.input_tokens == 11
    assert answer.usage.output_tokens == 2
    assert answer.usage.cache_read_input_tokens == 0
    assert answer.usage.cache_creation_input_tokens == 0
    assert answer.usage.cache_creation.ephemeral_5m_input_tokens == 0
    assert answer.usage.service_tier == "standard"
    assert answer._request_id.startswith("req_")


VARIANTS: list[dict[str, Any]] = [
    {},
    {"max_tokens": 3},
    {"stop_sequences": ["e"]},
    {"tools": TOOLS, "tool_choice": {"type": "any"}},
    {"tools": TOOLS, "messages": [{"role": "user", "content": "[call weather] [call clock]"}]},
    {"thinking": {"type": "adaptive"}},
    {
        "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"},
        "max_tokens": 4096,
    },
    {"messages": [{"role": "user", "content": "[refuse]"}]},
    {"output_config": {"format": {"type": "json_schema", "schema": PERSON}, "effort": "low"}},
    {"max_tokens": 0},
]


@pytest.mark.parametrize("options", VARIANTS)
def test_a_stream_adds_up_to_the_whole_answer(
    anthropic: Anthropic, options: dict[str, Any]
) -> None:
    whole = ask(anthropic, "What is a river?", **options).model_dump()
    parts = gathered(anthropic, "What is a river?", **options).model_dump()
    # The SDK parses tool input leniently and fills text blocks in; ids are new each time.
    for message in (whole, parts):
        message.pop("id")
        for block in message["content"]:
            block.pop("parsed_output", None)
    assert parts == whole


def test_the_events_of_a_stream_come_in_the_real_order(simulator: Simulator) -> None:
    body = {
        "model": HAIKU,
        "max_tokens": 2000,
        "stream": True,
        "thinking": {"type": "adaptive"},
        "messages": [{"role": "user", "content": "[think 2] [echo one two]"}],
    }
    answer = simulator.message(body)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line[:6] == "data: "]
    names = [line[7:] for line in answer.text.splitlines() if line[:7] == "event: "]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert names == [event["type"] for event in events]
    block = ["content_block_start", "content_block_delta", "content_block_delta"]
    assert names == [
        "message_start",
        *[block[0], "ping", *block[1:], "content_block_delta", "content_block_stop"],
        *[*block, "content_block_stop"],
        "message_delta",
        "message_stop",
    ]
    kinds = [e["delta"]["type"] for e in events if e["type"] == "content_block_delta"]
    assert kinds == ["thinking_delta"] * 2 + ["signature_delta"] + ["text_delta"] * 2
    assert events[0]["message"]["usage"]["output_tokens"] == 1
    assert events[-2]["usage"]["output_tokens"] == 4
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("options", "reason", "text"),
    [
        ({"max_tokens": 2}, "max_tokens", "one two"),
        ({"stop_sequences": ["zzz", " three", " two"]}, "stop_sequence", "one"),
        ({}, "end_turn", "one two three"),
    ],
)
def test_each_end_has_its_reason(
    anthropic: Anthropic, options: dict[str, Any], reason: str, text: str
) -> None:
    answer = ask(anthropic, "[echo one two three]", **options)
    assert (answer.stop_reason, answer.content[0].text) == (reason, text)
    assert answer.stop_sequence == (" two" if reason == "stop_sequence" else None)


def test_max_tokens_0_generates_nothing(anthropic: Anthropic) -> None:
    answer = ask(anthropic, "x", max_tokens=0)
    assert (answer.content, answer.stop_reason) == ([], "max_tokens")
    assert answer.usage.output_tokens == 0


def test_a_refusal_has_its_stop_reason_and_details(anthropic: Anthropic) -> None:
    answer = ask(anthropic, "[refuse]")
    assert answer.stop_reason == "refusal"
    assert answer.stop_details.type == "refusal"


def test_thinking_comes_first_signed_and_counted_as_output(anthropic: Anthropic) -> None:
    answer = ask(anthropic, "[think 5] [echo one]", thinking={"type": "adaptive"})
    thought, text = answer.content
    assert (thought.type, text.text) == ("thinking", "one")
    assert thought.thinking
    assert thought.signature
    assert answer.usage.output_tokens == 5 + 1
    assert answer.usage.output_tokens_details.thinking_tokens == 5


def test_omitted_thinking_is_billed_and_not_shown(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    adaptive = {"type": "adaptive", "display": "omitted"}
    thought, _text = ask(anthropic, "[think 5] [echo one]", thinking=adaptive).content
    assert thought.thinking == ""
    assert (simulator.line()["reasoning_tokens"], simulator.line()["completion_tokens"]) == (5, 6)


def test_a_forced_tool_is_called_with_arguments_that_satisfy_its_schema(
    anthropic: Anthropic,
) -> None:
    answer = ask(anthropic, "hello", tools=TOOLS, tool_choice={"type": "tool", "name": "weather"})
    [call] = answer.content
    assert answer.stop_reason == "tool_use"
    assert call.id.startswith("toolu_")
    jsonschema.validate(call.input, WEATHER)


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "auto"}, ["weather", "clock"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["weather"]),
        ({"type": "any"}, ["weather", "clock"]),
        ({"type": "none"}, []),
    ],
)
def test_calls_are_made_only_where_they_are_allowed(
    anthropic: Anthropic, choice: dict[str, Any], called: list[str]
) -> None:
    answer = ask(anthropic, "[call weather] [call clock]", tools=TOOLS, tool_choice=choice)
    assert [block.name for block in answer.content if block.type == "tool_use"] == called


def test_a_tools_result_is_answered_in_words(anthropic: Anthropic) -> None:
    asked = {"role": "user", "content": "[call clock]"}
    made = ask(anthropic, "[call clock]", tools=TOOLS)
    call = made.content[0]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "noon"}
    history = [asked, made.to_param(), {"role": "user", "content": [result]}]
    answer = ask(anthropic, "", messages=history, tools=TOOLS)
    assert (answer.stop_reason, answer.content[0].type) == ("end_turn", "text")


def test_a_json_schema_answer_satisfies_its_schema(anthropic: Anthropic) -> None:
    wanted = {"format": {"type": "json_schema", "schema": PERSON}}
    answer = ask(anthropic, "Who?", output_config=wanted)
    jsonschema.validate(json.loads(answer.content[0].text), PERSON)


def test_a_system_text_and_a_system_block_are_the_same_prompt(anthropic: Anthropic) -> None:
    blocks = [{"type": "text", "text": "Be brief."}]
    marked = [{**blocks[0], "cache_control": {"type": "ephemeral"}}]
    answers = [ask(anthropic, "x", system=system) for system in ("Be brief.", blocks, marked)]
    assert len({answer.content[0].text for answer in answers}) == 1
    assert ask(anthropic, "x").content[0].text != answers[0].content[0].text


def test_an_image_costs_1600_input_tokens(anthropic: Anthropic) -> None:
    text = {"type": "text", "text": "Look"}
    image = {"type": "image", "source": PIXEL}
    plain = ask(anthropic, "", messages=[{"role": "user", "content": [text]}])
    seen = ask(anthropic, "", messages=[{"role": "user", "content": [image, text]}])
    assert seen.usage.input_tokens - plain.usage.input_tokens == 1_600


def test_counted_tokens_are_the_tokens_billed(simulator: Simulator, anthropic: Anthropic) -> None:
    messages: Any = [{"role": "user", "content": "What is a river?"}]
    tools: Any = TOOLS
    counted = anthropic.messages.count_tokens(
        model=HAIKU, messages=messages, tools=tools, system="Be brief."
    )
    assert simulator.books()["lines"] == []
    answer = ask(anthropic, "", messages=messages, tools=TOOLS, system="Be brief.")
    assert counted.input_tokens == answer.usage.input_tokens


def test_the_models_are_listed(anthropic: Anthropic) -> None:
    listed = {model.id for model in anthropic.models.list()}
    assert listed == {"claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"}


def test_messages_are_served_at_the_root_too(simulator: Simulator) -> None:
    body = {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    assert simulator.message(body, "/v1/messages").json()["type"] == "message"
    counted = {name: body[name] for name in ("model", "messages")}
    assert simulator.message(counted, "/v1/messages/count_tokens").json() == {"input_tokens": 7}
    assert simulator.line()["protocol"] == "anthropic-messages"
