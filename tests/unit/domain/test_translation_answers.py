"""Answers in the terms of the other door, judged by the stock SDK of that door."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from shared.domain.completion import MalformedAnswer, is_cacheable
from shared.domain.message_stream import message_is_cacheable
from shared.domain.translation import completion_to_message, message_to_completion
from shared.domain.usage import anthropic_usage, openai_usage
from tests.contracts.stock_sdks import Judges
from tests.unit.domain.translatable import CREATED, answers, calm, few

Json = dict[str, Any]

judges = Judges()

MESSAGE: Json = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "It is ", "citations": None}, {"type": "text", "text": "9."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": "é"}},
    ],
    "stop_reason": "tool_use", "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 20, "output_tokens": 5,
              "cache_creation_input_tokens": 7, "cache_creation": {
                  "ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
              "output_tokens_details": {"thinking_tokens": 2}},
}  # fmt: skip

COMPLETION: Json = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": "gpt-6-luna",
    "choices": [{"index": 0, "logprobs": None, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "It is 9.", "refusal": None, "reasoning_content": "hm",
        "tool_calls": [{"id": "call_1", "type": "function",
                        "function": {"name": "f", "arguments": '{"a":"é"}'}}]}}],
    "usage": {"prompt_tokens": 37, "completion_tokens": 5, "total_tokens": 42,
              "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 7},
              "completion_tokens_details": {"reasoning_tokens": 2}},
}  # fmt: skip


def completion(finish: str = "stop", **said: Any) -> Json:
    changed = copy.deepcopy(COMPLETION)
    message = {"role": "assistant", "content": None, "refusal": None, **said}
    changed["choices"][0] |= {"finish_reason": finish, "message": message}
    return changed


def message(stop: str = "end_turn", *content: Json, **fields: Any) -> Json:
    return {**MESSAGE, "content": list(content), "stop_reason": stop, **fields}


def test_a_message_becomes_the_completion_that_says_the_same() -> None:
    got = message_to_completion(MESSAGE, created=CREATED)
    expected = copy.deepcopy(COMPLETION) | {"model": "claude-opus-5-5"}
    expected["choices"][0]["message"]["tool_calls"][0]["id"] = "toolu_1"
    assert got == expected


def test_a_completion_becomes_the_message_that_says_the_same() -> None:
    assert completion_to_message(COMPLETION) == {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "gpt-6-luna",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "It is 9."},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": "é"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": None, "stop_details": None,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 7, "output_tokens": 5,
                  "cache_read_input_tokens": 20, "output_tokens_details": {"thinking_tokens": 2}},
    }  # fmt: skip


@calm
@given(answers)
def test_an_answer_survives_the_way_there_and_back(answer: Json) -> None:
    kept = copy.deepcopy(answer)
    there = message_to_completion(answer, created=CREATED)
    assert completion_to_message(there) == answer == kept
    assert is_cacheable(there, 1) == message_is_cacheable(answer)


@few
@given(answers)
def test_the_stock_sdks_accept_every_translated_answer(answer: Json) -> None:
    there = message_to_completion(answer, created=CREATED)
    seen = judges.completion(there)
    assert seen.choices[0].message.content == there["choices"][0]["message"]["content"]
    again = judges.message(completion_to_message(there))
    assert [block.type for block in again.content] == [b["type"] for b in answer["content"]]


@calm
@given(answers)
def test_the_classes_of_tokens_survive_the_way_there_and_back(answer: Json) -> None:
    there = message_to_completion(answer, created=CREATED)
    at_the_provider = anthropic_usage(answer["usage"])
    assert openai_usage(there["usage"], reasoning="inside") == at_the_provider
    assert anthropic_usage(completion_to_message(there)["usage"]) == at_the_provider


def test_writes_of_both_lifetimes_are_one_class_in_chat() -> None:
    usage = message_to_completion(MESSAGE, created=CREATED)["usage"]
    assert usage["prompt_tokens"] == 37
    assert usage["prompt_tokens_details"]["cache_write_tokens"] == 7


def test_reasoning_that_a_provider_counts_outside_is_output() -> None:
    assert completion_to_message(COMPLETION)["usage"]["output_tokens"] == 5
    assert completion_to_message(COMPLETION, reasoning="outside")["usage"]["output_tokens"] == 7


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "ten", "completion_tokens": 1}])
def test_usage_that_cannot_be_read_spoils_no_answer(usage: object) -> None:
    got = completion_to_message({**COMPLETION, "usage": usage})
    assert got["content"] == completion_to_message(COMPLETION)["content"]
    assert set(got["usage"].values()) == {0}
    judges.message(got)
    back = message_to_completion({**MESSAGE, "usage": usage}, created=CREATED)
    assert back["usage"] is None
    judges.completion(back)


TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(("stop", "finish"), [
    ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"), ("pause_turn", "length"),
    ("refusal", "content_filter"),
])  # fmt: skip
def test_a_stop_reason_becomes_a_finish_reason(stop: str, finish: str) -> None:
    got = message_to_completion(message(stop, TEXT), created=CREATED)
    assert got["choices"][0]["finish_reason"] == finish
    assert is_cacheable(got, 1) == message_is_cacheable(message(stop, TEXT))


@pytest.mark.parametrize(("finish", "stop"), [
    ("stop", "end_turn"), ("tool_calls", "end_turn"), ("length", "max_tokens"),
    ("content_filter", "refusal"),
])  # fmt: skip
def test_a_finish_reason_becomes_a_stop_reason(finish: str, stop: str) -> None:
    assert completion_to_message(completion(finish, content="a"))["stop_reason"] == stop


def test_a_forced_call_that_finishes_with_stop_is_a_tool_use() -> None:
    calls = COMPLETION["choices"][0]["message"]["tool_calls"]
    assert completion_to_message(completion("stop", tool_calls=calls))["stop_reason"] == "tool_use"


def test_what_a_refusal_explains_crosses_over_and_is_never_kept() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    said = message_to_completion(message("refusal", stop_details=details), created=CREATED)
    assert said["choices"][0]["message"]["refusal"] == "No."
    judges.completion(said)
    back = completion_to_message(completion("stop", refusal="No."))
    assert back["stop_reason"] == "refusal"
    assert back["content"] == [{"type": "text", "text": "No."}]
    assert judges.message(back).stop_details is not None
    assert not message_is_cacheable(back)


def test_a_call_without_an_id_is_named_by_its_place() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": ""}}
    got = completion_to_message(completion("tool_calls", tool_calls=[call, {**call, "id": "a.b"}]))
    assert [block["id"] for block in got["content"]] == ["msg_1_0", "toolu_a_2e_b"]
    assert [block["input"] for block in got["content"]] == [{}, {}]


def cut(arguments: object, finish: str) -> Json:
    function = {"name": "f", "arguments": arguments}
    return completion(finish, tool_calls=[{"id": "c", "type": "function", "function": function}])


def test_a_call_that_was_cut_short_has_no_input() -> None:
    got = completion_to_message(cut('{"a":', "length"))
    assert got["content"][0]["input"] == {}
    assert got["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {**COMPLETION, "choices": []},
        completion("stop", content=1),
        completion("stop", refusal=["no"]),
        completion("insufficient_system_resource", content="a"),
        completion("tool_calls", tool_calls={}),
        completion("tool_calls", tool_calls=[None]),
        completion("tool_calls", tool_calls=[{"type": "custom", "custom": {}}]),
        completion("tool_calls", tool_calls=[{"function": {"name": None}}]),
        cut('{"a":', "tool_calls"),
        cut("[]", "stop"),
        cut({}, "tool_calls"),
    ],
)
def test_what_is_no_completion_is_refused(broken: Json) -> None:
    with pytest.raises(MalformedAnswer):
        completion_to_message(broken)


@pytest.mark.parametrize(
    "broken", [{}, message("a_new_reason", TEXT), message("end_turn", {"type": "text"})]
)
def test_what_is_no_message_is_refused(broken: Json) -> None:
    with pytest.raises(MalformedAnswer):
        message_to_completion(broken, created=CREATED)
