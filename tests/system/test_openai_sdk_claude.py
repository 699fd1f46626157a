"""The stock OpenAI SDK, strict, asks Claude: the door translates there and back."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.system.conftest import Stack
from tests.system.test_openai_sdk import TOOL, fresh

MODELS = pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-sonnet-5-5"])
HAIKU = "claude-haiku-5-5"
CLOCK: Any = {**TOOL, "function": {**TOOL["function"], "name": "clock"}}
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def ask(stack: Stack, messages: list[Any], *, stream: bool = False, **fields: Any) -> Any:
    """Ask as callers do: whole, or with the helper that gathers a stream."""
    chat = stack.client().chat.completions
    asked: Any = {"model": HAIKU, "messages": messages, **fields}
    if not stream:
        return chat.create(**asked)
    with chat.stream(**asked, stream_options={"include_usage": True}) as events:
        return events.get_final_completion()


@MODELS
@streamed_or_not
def test_claude_answers_and_its_tokens_are_counted(stack: Stack, model: str, stream: bool) -> None:
    messages = [{"role": "system", "content": "Be brief."}, *fresh("[echo alpha beta]")]
    answer = ask(stack, messages, model=model, stream=stream)
    assert (answer.object, answer.choices[0].message.content) == ("chat.completion", "alpha beta")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 2
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 2


@streamed_or_not
def test_claude_calls_tools_side_by_side_and_takes_their_results(
    stack: Stack, stream: bool
) -> None:
    messages = fresh("[call weather] [call clock] in Paris?")
    called = ask(stack, messages, stream=stream, tools=[TOOL, CLOCK]).choices[0]
    assert called.finish_reason == "tool_calls"
    calls = called.message.tool_calls
    assert [call.function.name for call in calls] == ["weather", "clock"]
    assert all("city" in json.loads(call.function.arguments) for call in calls)
    history = [
        *messages,
        {"role": "assistant", "content": called.message.content, "tool_calls": [
            {"id": c.id, "type": "function",
             "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in calls]},
        *({"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in calls),
    ]  # fmt: skip
    final = ask(stack, history, stream=stream, tools=[TOOL, CLOCK]).choices[0]
    assert (final.finish_reason, bool(final.message.content)) == ("stop", True)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "function", "function": {"name": "clock"}}, ["clock"]),
        ("required", ["weather"]),
        ("none", []),
    ],
    ids=["one", "any", "none"],
)
def test_a_tool_can_be_forced_on_claude_or_forbidden(
    stack: Stack, choice: Any, names: list[str]
) -> None:
    answer = ask(stack, fresh("Of Rome."), tools=[TOOL, CLOCK], tool_choice=choice)
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == names


def test_a_model_that_takes_no_forced_tool_says_so_and_a_tier_finds_one_that_does(
    stack: Stack,
) -> None:
    asked: dict[str, Any] = {"tools": [TOOL], "tool_choice": "required"}
    with pytest.raises(openai.BadRequestError) as refused:
        ask(stack, fresh("x"), model="claude-sonnet-5-5", **asked)
    assert refused.value.param == "tool_choice"
    assert ask(stack, fresh("x"), model="mid", **asked).choices[0].message.tool_calls


def test_claude_sees_a_picture(stack: Stack) -> None:
    [asked] = fresh("What is this?")
    text: Any = {"type": "text", "text": asked["content"]}
    image: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    seen = ask(stack, [{"role": "user", "content": [text, image]}])
    assert seen.usage.prompt_tokens > 700


class Reading(BaseModel):
    """What a model is asked for as JSON."""

    level: int
    lock: str


@MODELS
@streamed_or_not
def test_json_of_claude_by_a_schema_is_parsed_by_the_sdk(
    stack: Stack, model: str, stream: bool
) -> None:
    asked: Any = {"model": model, "messages": fresh("A gauge"), "response_format": Reading}
    if stream:
        with stack.client().chat.completions.stream(**asked) as events:
            parsed: Any = events.get_final_completion()
    else:
        parsed = stack.client().chat.completions.parse(**asked)
    assert isinstance(parsed.choices[0].message.parsed, Reading)


@streamed_or_not
def test_stop_sequences_limits_and_thinking_end_as_openai_says_it(
    stack: Stack, stream: bool
) -> None:
    stopped = ask(stack, fresh("[echo one HALT two]"), stream=stream, stop=["HALT"]).choices[0]
    assert (stopped.message.content.strip(), stopped.finish_reason) == ("one", "stop")
    if not stream:  # the streaming helper raises for a truncated answer
        cut = ask(stack, fresh("[long 50]"), max_completion_tokens=5)
        assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 5)
    thought = ask(stack, fresh("[think 30] [echo so]"), stream=stream, reasoning_effort="high")
    assert thought.choices[0].message.content == "so"
    assert thought.usage.completion_tokens == 31


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"n": 2}, "n"),
        ({"seed": 7}, "seed"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_claude_cannot_be_asked_is_refused_by_name(
    stack: Stack, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(stack, fresh("x"), **fields)
    assert refused.value.param == named
