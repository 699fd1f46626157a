"""A stream and a whole completion say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._models import construct_type, validate_type
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from shared.domain.completion import (
    MalformedAnswer,
    StreamedCompletion,
    finish_reasons,
    is_cacheable,
    replay,
)

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
texts = st.text(min_size=1, max_size=12)
calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": texts,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": texts, "arguments": texts}),
        }
    ),
    min_size=1,
    max_size=3,
)
messages = st.one_of(
    st.fixed_dictionaries({"content": texts}), st.fixed_dictionaries({"tool_calls": calls})
)


def completion_of(said: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-6-luna",
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": None, "refusal": None, **message},
                "logprobs": None,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
            for index, message in enumerate(said)
        ],
        "usage": USAGE,
    }


@given(st.lists(messages, min_size=1, max_size=3))
def test_a_replayed_completion_adds_up_to_itself(said: list[dict[str, Any]]) -> None:
    completion = completion_of(said)
    gathered = StreamedCompletion(len(said))
    for chunk in replay(completion, include_usage=True, notes={}):
        validate_type(type_=ChatCompletionChunk, value=chunk)
        gathered.add(chunk)
    assert gathered.is_finished
    assert gathered.whole() == completion
    validate_type(type_=ChatCompletion, value=gathered.whole())


def test_only_the_last_chunk_with_a_finish_reason_carries_the_notes() -> None:
    chunks = list(
        replay(
            completion_of([{"content": "a"}, {"content": "b"}]),
            include_usage=False,
            notes={"cost_usd": "0"},
        )
    )
    assert [("sluice" in chunk) for chunk in chunks] == [False, False, False, True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    parsed: Any = construct_type(type_=ChatCompletionChunk, value=chunks[-1])
    assert parsed.model_extra == {"sluice": {"cost_usd": "0"}}


def test_the_deltas_of_parallel_tool_calls_are_sorted_into_their_calls() -> None:
    gathered = StreamedCompletion(1)
    parts = [
        {"role": "assistant", "tool_calls": [{"index": 0, "id": "a", "type": "function",
         "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function",
         "function": {"name": "g", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
    ]  # fmt: skip
    for part in parts:
        gathered.add({"choices": [{"index": 0, "delta": part, "finish_reason": None}]})
    gathered.add({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    calls = gathered.whole()["choices"][0]["message"]["tool_calls"]
    assert [(c["id"], c["function"]) for c in calls] == [
        ("a", {"name": "f", "arguments": '{"x":1}'}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]
    assert all("index" not in call for call in calls)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_later_delta_takes_no_id_type_or_role_back(nothing: str | None) -> None:
    gathered = StreamedCompletion(1)
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    gathered.add({"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]})
    later = {"index": 0, "id": nothing, "type": nothing, "function": {"arguments": "}"}}
    end = {"index": 0, "delta": {"role": nothing, "tool_calls": [later]}}
    gathered.add({"choices": [{**end, "finish_reason": "tool_calls"}]})
    message = gathered.whole()["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


@pytest.mark.parametrize("names", [["look_up"] * 3, ["look", "_", "up"], ["look_up", "", None]])
def test_a_function_has_its_name_once_however_often_it_is_sent(names: list[str | None]) -> None:
    gathered = StreamedCompletion(1)
    for name in names:
        function = {"name": name, "arguments": "1"}
        call = {"index": 0, "id": "a", "type": "function", "function": function}
        gathered.add({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    [call] = gathered.whole()["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "look_up", "arguments": "111"}


def test_logprobs_of_a_stream_are_gathered() -> None:
    gathered = StreamedCompletion(1)
    for token in ("a", "b"):
        gathered.add(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"content": token},
                        "logprobs": {"content": [{"token": token}], "refusal": None},
                        "finish_reason": None,
                    }
                ]
            }
        )
    logprobs = gathered.whole()["choices"][0]["logprobs"]
    assert logprobs == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}


def test_a_stream_is_finished_only_when_every_choice_is() -> None:
    gathered = StreamedCompletion(2)
    gathered.add({"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]})
    assert not gathered.is_finished
    gathered.add({"choices": [{"index": 0, "delta": {"content": "y"}, "finish_reason": "stop"}]})
    assert gathered.is_finished


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        [],
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": "0", "delta": {}}]},
        {"choices": [{"index": 7, "delta": {}}]},
        {"choices": [{"index": True, "delta": {}}]},
    ],
)
def test_what_is_no_chunk_is_refused(chunk: object) -> None:
    with pytest.raises(MalformedAnswer):
        StreamedCompletion(1).add(chunk)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_truncated_and_filtered_answers_are_not_kept(reason: str) -> None:
    completion = completion_of([{"content": "a"}])
    assert is_cacheable(completion, 1)
    completion["choices"][0]["finish_reason"] = reason
    assert not is_cacheable(completion, 1)


def test_an_empty_answer_is_not_kept() -> None:
    assert not is_cacheable(completion_of([{"content": ""}]), 1)


@pytest.mark.parametrize("break_it", ["drop", "reason", "message"])
def test_an_answer_without_its_parts_is_refused(break_it: str) -> None:
    completion = completion_of([{"content": "a"}])
    if break_it == "drop":
        completion["choices"] = []
    elif break_it == "reason":
        completion["choices"][0]["finish_reason"] = None
    else:
        completion["choices"][0]["message"] = "a"
    with pytest.raises(MalformedAnswer):
        finish_reasons(completion, 1)
