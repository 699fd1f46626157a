"""Which answers count as successes, and what one of them cost."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.entries import REPLAY
from shared.domain.schema_asked import schema_verdict
from shared.domain.schema_check import check
from shared.domain.success import (
    cost_per_success,
    cps_interval,
    success_rate,
    verdict,
)
from shared.domain.usage_rows import Feedback, UsageRow
from tests.contracts.test_store import ENTRY, SETTLEMENT


def a_row(entry: dict[str, Any] | None = None, **settlement: Any) -> UsageRow:
    named = {"request_digest": "d", **(entry or {})}
    return UsageRow(
        dataclasses.replace(ENTRY, **named),
        dataclasses.replace(SETTLEMENT, milliseconds=2_000, **settlement),
        "2026-11-22",
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (a_row(), "success"),
        (a_row(finish_reason="tool_calls"), "success"),
        (a_row(finish_reason=None, usage_source="stored"), "success"),
        (a_row(finish_reason="length"), "failure"),
        (a_row(finish_reason="max_tokens"), "failure"),
        (a_row(finish_reason="content_filter"), "failure"),
        (a_row(finish_reason="refusal"), "failure"),
        (a_row(schema="met"), "success"),
        (a_row(schema="broken"), "failure"),
        (a_row(schema="unjudged"), "unknown"),
        (a_row(outcome="failed"), "failure"),
        (a_row(outcome="refused"), "failure"),
        (a_row(outcome="expired"), "unknown"),
        (a_row({"route_reason": REPLAY}), "unknown"),
    ],
)
def test_what_an_attempt_says_of_itself(row: UsageRow, expected: str) -> None:
    assert verdict(row, None, asked_again=False) == expected


def test_feedback_beats_every_signal_of_an_answer_and_none_of_a_failure() -> None:
    said = Feedback("req_1", "success", 1.0)
    assert verdict(a_row(schema="broken"), said, asked_again=True) == "success"
    assert verdict(a_row(), Feedback("req_1", "failure", 1.0), asked_again=False) == "failure"
    assert verdict(a_row(outcome="failed"), said, asked_again=False) == "failure"


def test_cost_per_success_is_total_cost_by_successes_rounded_to_the_nano_dollar() -> None:
    assert cost_per_success(100_000_000, 9) == 11_111_111
    assert cost_per_success(5, 2) == 3
    assert cost_per_success(5, 0) is None


def test_wilson_s_interval_is_the_published_one() -> None:
    # 9 of 10: (0.9 + z²/20 ± z·sqrt(0.9·0.1/10 + z²/400)) / (1 + z²/10) = 0.5958 .. 0.9821
    rates = success_rate(9, 1)
    assert rates is not None
    assert [round(rate, 4) for rate in rates] == [Decimal("0.5958"), Decimal("0.9821")]
    # 81 of 263, Newcombe (1998), table I: 0.2553 .. 0.3662
    rates = success_rate(81, 182)
    assert rates is not None
    assert [round(rate, 4) for rate in rates] == [Decimal("0.2553"), Decimal("0.3662")]


def test_the_bounds_of_what_always_or_never_worked_are_certain() -> None:
    assert success_rate(0, 0) is None
    low, high = success_rate(0, 5) or (None, None)
    assert low == 0 < (high or 0) < 1
    low, high = success_rate(5, 0) or (None, None)
    assert 0 < (low or 0) < 1 == high


def test_the_interval_of_cost_per_success_holds_it_and_has_no_end_without_a_success() -> None:
    # $0.1 / (10 x 0.982124) and $0.1 / (10 x 0.595850), around $0.1 / 9
    assert cps_interval(100_000_000, 9, 1) == (10_182_016, 16_782_748)
    assert cps_interval(100, 0, 0) is None
    assert (cps_interval(100, 0, 3) or (0, 0))[1] is None


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "level": {"type": ["integer", "null"]},
        "kind": {"enum": ["lock", "weir"]},
        "parts": {"type": "array", "items": {"type": "object", "required": ["id"]}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "a"}', "met"),
        ('{"name": "a", "level": null, "kind": "weir", "parts": [{"id": 1}]}', "met"),
        ('{"name": "a", "level": 2.0}', "met"),
        ('{"name": 1}', "broken"),
        ('{"name": "a", "level": true}', "broken"),
        ('{"name": "a", "level": 1.5}', "broken"),
        ('{"name": "a", "kind": "dam"}', "broken"),
        ('{"name": "a", "parts": [{"id": 1}, {}]}', "broken"),
        ('{"name": "a", "other": 1}', "broken"),
        ("{}", "broken"),
        ("[]", "broken"),
        ('Sure: {"name": "a"}', "broken"),
        ("[" * 100_000, "broken"),
    ],
)
def test_an_answer_is_judged_by_the_keywords_of_structured_outputs(
    text: str, expected: str
) -> None:
    assert check(text, SCHEMA) == expected


def test_what_is_not_checked_makes_no_answer_met_and_no_broken_one_unjudged() -> None:
    either = {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert check("{}", either) == "unjudged"
    assert check("[]", either) == "broken"
    assert check('{"a": ' + "[1]" + "}", {"properties": {"a": {"$ref": "#"}}}) == "unjudged"
    assert check("[" + "1," * 30_000 + "1]", {"items": {"type": "integer"}}) == "unjudged"


def chat_answer(content: str | None, reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": reason}]}


CHAT = {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}
ANY_JSON = {"response_format": {"type": "json_object"}}
MESSAGES = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}


def message(text: str, reason: str = "end_turn") -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "stop_reason": reason}


@pytest.mark.parametrize(
    ("body", "whole", "expected"),
    [
        (CHAT, chat_answer('{"name": "a"}'), "met"),
        (CHAT, chat_answer("no"), "broken"),
        (CHAT, chat_answer('{"na', "length"), None),
        (CHAT, chat_answer(None, "tool_calls"), None),
        (ANY_JSON, chat_answer("{}"), "met"),
        (ANY_JSON, chat_answer("3"), "broken"),
        ({"response_format": {"type": "text"}}, chat_answer("no"), None),
        ({}, chat_answer("no"), None),
        (MESSAGES, message('{"name": "a"}'), "met"),
        (MESSAGES, message("no"), "broken"),
        (MESSAGES, message("no", "tool_use"), None),
        ({"output_config": {"effort": "low"}}, message("no"), None),
    ],
)
def test_only_what_was_asked_for_as_json_and_ended_of_itself_is_judged(
    body: dict[str, Any], whole: dict[str, Any], expected: str | None
) -> None:
    assert schema_verdict(body, whole) == expected
