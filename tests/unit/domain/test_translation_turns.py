"""Conversations in the terms of the other protocol, turn by turn."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.test_translation_requests import (
    CALL,
    MARK,
    USE,
    USER,
    asked,
    chat,
    to_chat,
    to_messages,
)

Json = dict[str, Any]


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
