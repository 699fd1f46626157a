"""What is wrong with a line is said with its number, and with the name of its field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.batches.jsonl import raw_lines
from shared.domain.batches.lines import (
    MOST_LINES,
    InlineRequest,
    InvalidLine,
    Line,
    LineReader,
    read_call,
)
from shared.domain.doors import CHAT, MESSAGES, DeferrableDoor
from shared.domain.errors import InvalidRequest

BODY = {"model": "auto", "messages": [{"role": "user", "content": "What is a weir?"}]}
GOOD = {"custom_id": "a", "method": "POST", "url": CHAT.url, "body": BODY}


LINE = json.dumps({**GOOD, "custom_id": "%d"})


def read(*lines: object, door: DeferrableDoor = CHAT) -> list[Line | InvalidLine]:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    content = "\n".join(texts).encode()
    return list(LineReader(door).file(raw_lines([content])))


def problem(*lines: object) -> InvalidLine:
    [found] = [each for each in read(*lines) if isinstance(each, InvalidLine)]
    return found


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("line", "code", "param"),
    [
        ('{"custom_id": ', "invalid_json_line", None),
        ('{"body": {"a": ' + "[" * 100_000, "invalid_json_line", None),
        ([], "invalid_value", None),
        (without("custom_id"), "missing_required_parameter", "custom_id"),
        (without("body"), "missing_required_parameter", "body"),
        ({**GOOD, "custom_id": ""}, "invalid_value", "custom_id"),
        ({**GOOD, "custom_id": 7}, "invalid_value", "custom_id"),
        ({**GOOD, "method": "GET"}, "invalid_value", "method"),
        ({**GOOD, "body": "x"}, "invalid_value", "body"),
        ({**GOOD, "params": {}}, "unknown_parameter", "params"),
        ({**GOOD, "url": "/v1/embeddings"}, "mismatched_endpoint", "url"),
        ({**GOOD, "url": MESSAGES.url}, "mismatched_endpoint", "url"),
    ],
)
def test_a_bad_envelope_is_named_by_line_code_and_field(
    line: object, code: str, param: str | None
) -> None:
    found = problem({**GOOD, "custom_id": "first"}, "", line)
    assert (found.line, found.code, found.param) == (3, code, param)


def test_bytes_that_are_no_text_are_no_json() -> None:
    [found] = LineReader(CHAT).file(raw_lines([b'{"custom_id": "\xff\xfe", "method": "POST"}']))
    assert isinstance(found, InvalidLine)
    assert found.code == "invalid_json_line"


def test_a_second_line_of_the_same_name_is_refused() -> None:
    found = problem(GOOD, {**GOOD, "custom_id": "b"}, GOOD)
    assert (found.line, found.code, found.param) == (3, "duplicate_custom_id", "custom_id")


def test_a_file_of_blank_lines_is_empty() -> None:
    assert [each.code for each in read("", " \t", "\r") if isinstance(each, InvalidLine)] == [
        "empty_file"
    ]


def test_a_file_of_too_many_lines_is_refused_at_the_first_that_is_too_many() -> None:
    lines = [LINE % number for number in range(MOST_LINES + 2)]
    *first, last = read(*lines)
    assert len(first) == MOST_LINES
    assert isinstance(last, InvalidLine)
    assert (last.line, last.code) == (MOST_LINES + 1, "too_many_lines")


@given(st.lists(st.text(max_size=40) | st.binary(max_size=40).map(repr), max_size=20))
def test_whatever_stands_in_a_file_every_line_is_answered_for(texts: list[str]) -> None:
    content = "\n".join(texts).encode("utf-8", "surrogatepass")
    numbers: list[int | None] = [line.number for line in raw_lines([content])]
    found = list(LineReader(CHAT).file(raw_lines([content])))
    assert [each.line for each in found if isinstance(each, InvalidLine)] == (numbers or [None])


def call(body: dict[str, Any], door: DeferrableDoor = CHAT) -> Any:
    return read_call(Line(1, "a", body), door)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({**BODY, "stream": True}, "stream"),
        ({**BODY, "colour": 1}, "colour"),
        ({"model": "auto"}, "messages"),
        ({**BODY, "sluice": {"colour": 1}}, "sluice.colour"),
        ({**BODY, "sluice": 1}, "sluice"),
        ({**BODY, "sluice": {"deadline": "2h"}}, "sluice.deadline"),
    ],
)
def test_a_bad_call_is_refused_as_at_its_door(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call(body)
    assert refused.value.param == param


def test_a_call_that_is_nested_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest, match="nested"):
        call({**BODY, "metadata": deep})


def test_controls_of_a_line_are_read_and_taken_out_of_its_body() -> None:
    found = call({**BODY, "sluice": {"feature": "nightly", "cache": "bypass"}})
    assert (found.controls.feature, found.controls.cache.mode) == ("nightly", "bypass")
    assert found.body == BODY


def test_a_messages_line_is_checked_by_the_messages_schema() -> None:
    assert call({**BODY, "max_tokens": 9}, MESSAGES).request.output_limit == 9
    with pytest.raises(InvalidRequest) as refused:
        call(BODY, MESSAGES)
    assert refused.value.param == "max_tokens"


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "a\n", "a/b"])
def test_one_bad_id_fails_an_anthropic_batch(name: str) -> None:
    requests = [InlineRequest("fine", {}), InlineRequest(name, {})]
    with pytest.raises(InvalidRequest) as refused:
        list(LineReader(MESSAGES).inline(requests))
    assert refused.value.param == "requests.1.custom_id"


def test_an_id_that_comes_twice_fails_an_anthropic_batch() -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        list(LineReader(MESSAGES).inline([InlineRequest("a", {}), InlineRequest("a", {})]))


def test_the_requests_of_an_anthropic_batch_are_numbered_from_one() -> None:
    found = LineReader(MESSAGES).inline([InlineRequest("a", BODY), InlineRequest("b-_9", BODY)])
    assert [(line.number, line.custom_id) for line in found] == [(1, "a"), (2, "b-_9")]
