"""The stock Anthropic SDK, strict, against the running stack: Claude and GPT say the same things.

Every fact is held for a model of either family, so that for one of them the door translates.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, RawMessageDeltaEvent, ToolUseBlock
from pydantic import BaseModel

from tests.system.conftest import Stack

CLAUDE, GPT = "claude-haiku-5-5", "gpt-6-luna"
HARD = (
    "Design a fault-tolerant distributed ledger, compare the consistency trade-offs, analyze its "
    "complexity step by step and prove that no entry is lost."
)
CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: list[Any] = [{"name": name, "input_schema": CITY} for name in ("weather", "clock")]
PICTURE: Any = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}

either_family = pytest.mark.parametrize("model", [CLAUDE, GPT])
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def fresh(text: str) -> list[Any]:
    """A prompt that no other test has sent."""
    return [{"role": "user", "content": f"{text} ({uuid.uuid4()})"}]


def ask(stack: Stack, messages: list[Any], *, stream: bool = False, **fields: Any) -> Message:
    """Ask as callers do: whole, or with the helper that gathers a stream."""
    asked: Any = {"model": "auto", "max_tokens": 300, "messages": messages, **fields}
    if not stream:
        whole: Message = stack.claude().messages.create(**asked)
        return whole
    with stack.claude().messages.stream(**asked) as events:
        return events.get_final_message()


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@either_family
@streamed_or_not
def test_a_question_is_answered_and_its_tokens_are_counted(
    stack: Stack, model: str, stream: bool
) -> None:
    message = ask(stack, fresh("[echo alpha beta]"), model=model, stream=stream)
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert text_of(message) == "alpha beta"
    assert message.usage.output_tokens == 2
    system = "Be brief and kind. " * 20
    longer = ask(stack, fresh("[echo alpha beta]"), model=model, stream=stream, system=system)
    assert longer.usage.input_tokens - message.usage.input_tokens > 40


@either_family
def test_the_raw_events_come_in_anthropics_order_and_the_last_delta_tells_the_cost(
    stack: Stack, model: str
) -> None:
    events = list(
        stack.claude().messages.create(
            model=model, max_tokens=50, messages=fresh("[echo alpha beta]"), stream=True
        )
    )
    types = [event.type for event in events if event.type != "content_block_delta"]
    assert types == [
        "message_start", "content_block_start", "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip
    [end] = [event for event in events if isinstance(event, RawMessageDeltaEvent)]
    facts: Any = (end.model_extra or {})["sluice"]
    assert (facts["cache"], facts["model"], facts["tier"]) == ("miss", model, "nano")
    row = stack.row_of(facts["request_id"])
    assert row["cost_nano"] == Decimal(facts["cost_usd"]) * 10**9 > 0


@either_family
@streamed_or_not
def test_parallel_tools_are_called_and_their_results_taken(
    stack: Stack, model: str, stream: bool
) -> None:
    messages = fresh("[call weather] [call clock] in Paris?")
    called = ask(stack, messages, model=model, stream=stream, tools=TOOLS)
    assert called.stop_reason == "tool_use"
    uses = [block for block in called.content if isinstance(block, ToolUseBlock)]
    assert [use.name for use in uses] == ["weather", "clock"]
    assert len({use.id for use in uses}) == 2
    assert all(isinstance(use.input["city"], str) for use in uses)
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": use.id, "content": "ok"} for use in uses
    ]
    results[1]["is_error"] = True
    followed = [
        *messages,
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": results},
    ]
    final = ask(stack, followed, model=model, stream=stream, tools=TOOLS)
    assert (final.stop_reason, bool(text_of(final))) == ("end_turn", True)


@either_family
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "tool", "name": "clock"}, ["clock"]),
        ({"type": "any"}, ["weather"]),
        ({"type": "any", "disable_parallel_tool_use": True}, ["weather"]),
        ({"type": "none"}, []),
    ],
    ids=["one", "any", "any but one", "none"],
)
def test_a_tool_can_be_forced_or_forbidden(
    stack: Stack, model: str, choice: Any, names: list[str]
) -> None:
    called = ask(stack, fresh("Of Rome."), model=model, tools=TOOLS, tool_choice=choice)
    assert [block.name for block in called.content if block.type == "tool_use"] == names
    assert called.stop_reason == ("tool_use" if names else "end_turn")


@either_family
@streamed_or_not
def test_parallel_calls_can_be_turned_off(stack: Stack, model: str, stream: bool) -> None:
    alone: Any = {"type": "auto", "disable_parallel_tool_use": True}
    messages = fresh("[call weather] [call clock]")
    called = ask(stack, messages, model=model, stream=stream, tools=TOOLS, tool_choice=alone)
    assert [block.type for block in called.content] == ["tool_use"]


@either_family
def test_a_picture_is_seen(stack: Stack, model: str) -> None:
    question: Any = {"type": "text", "text": f"What is this? {uuid.uuid4()}"}
    seen = ask(stack, [{"role": "user", "content": [question, PICTURE]}], model=model)
    assert seen.usage.input_tokens > 700
    assert text_of(seen)


class Reading(BaseModel):
    """What a model is asked for as JSON."""

    level: int
    lock: str


@either_family
@streamed_or_not
def test_json_by_a_schema_is_parsed_by_the_sdk(stack: Stack, model: str, stream: bool) -> None:
    asked: Any = {"model": model, "max_tokens": 200, "messages": fresh("Read the gauge.")}
    if stream:
        with stack.claude().messages.stream(output_format=Reading, **asked) as events:
            parsed = events.get_final_message()
    else:
        parsed = stack.claude().messages.parse(output_format=Reading, **asked)
    assert isinstance(parsed.parsed_output, Reading)


@either_family
@streamed_or_not
def test_a_stop_sequence_ends_the_answer(stack: Stack, model: str, stream: bool) -> None:
    message = ask(
        stack, fresh("[echo one HALT two]"), model=model, stream=stream, stop_sequences=["HALT"]
    )
    assert text_of(message).strip() == "one"
    told = ("stop_sequence", "HALT") if model == CLAUDE else ("end_turn", None)
    assert (message.stop_reason, message.stop_sequence) == told


@either_family
@streamed_or_not
def test_a_truncated_answer_says_so_and_is_not_cached(
    stack: Stack, model: str, stream: bool
) -> None:
    messages, billed = fresh("[long 50]"), stack.bill_nano()
    for _ in range(2):
        message = ask(stack, messages, model=model, stream=stream, max_tokens=5)
        assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)
        assert stack.bill_nano() > billed
        billed = stack.bill_nano()


@either_family
@streamed_or_not
@pytest.mark.parametrize("kind", ["enabled", "adaptive"])
def test_a_model_thinks_when_it_is_asked_to(
    stack: Stack, model: str, stream: bool, kind: str
) -> None:
    thinking: Any = {"type": kind} | ({"budget_tokens": 1024} if kind == "enabled" else {})
    messages = fresh("[think 30] Why do locks leak?")
    message = ask(stack, messages, model=model, stream=stream, max_tokens=3000, thinking=thinking)
    thoughts = [block for block in message.content if block.type == "thinking"]
    assert [bool(each.thinking and each.signature) for each in thoughts] == [True] * (
        model == CLAUDE
    ), "OpenAI's models bill their thoughts and keep them to themselves"
    assert message.usage.output_tokens > 30
    followed = [*messages, {"role": "assistant", "content": message.content}, *fresh("Go on.")]
    assert text_of(ask(stack, followed, model=model, max_tokens=3000, thinking=thinking))


def test_a_simple_question_goes_to_nano_and_a_hard_one_to_frontier(stack: Stack) -> None:
    create = stack.claude().messages.with_raw_response.create
    told = [
        create(model="auto", max_tokens=100, messages=fresh(text)).headers
        for text in ("What is the capital of France?", HARD)
    ]
    assert [each["x-sluice-tier"] for each in told] == ["nano", "frontier"]
    assert "hard cues" in told[1]["x-sluice-route-reason"]


def test_tokens_are_counted_before_they_are_spent(stack: Stack) -> None:
    messages, billed = fresh("How many?"), stack.bill_nano()
    counted = stack.claude().messages.count_tokens(model=CLAUDE, messages=messages)
    assert stack.bill_nano() == billed
    assert ask(stack, messages, model=CLAUDE).usage.input_tokens == counted.input_tokens
    with pytest.raises(anthropic.BadRequestError, match=GPT):
        stack.claude().messages.count_tokens(model=GPT, messages=messages)
