"""Converse's answers as Anthropic messages: whole, streamed, and broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.providers.converse_answer import (
    STOP_REASONS,
    UNKNOWN_USAGE,
    messages_usage,
    to_message,
)
from shared.adapters.providers.converse_stream import ConverseToMessageStream
from shared.domain.completion import MalformedAnswer
from shared.domain.message_stream import StreamedMessage
from shared.domain.prices import TokenCounts
from shared.domain.usage import MalformedUsage, anthropic_usage
from tests.contracts.stock_sdks import Judges
from tests.unit.adapters.converse import USAGE, Json, block_of, events_of, response, usage_of
from tests.unit.domain.translatable import answers, texts

JUDGES = Judges()
TTL = st.sampled_from(["5m", "1h"])
HIDDEN = {"type": "redacted_thinking", "data": "aGlkZGVu"}
SIGNED = st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, texts, texts)
CALL = {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}
AFTER_START: list[Json] = [{"messageStart": {"role": "assistant"}}]


def whole(said: Json) -> Json:
    return to_message(said, identity="r-1", model="m", long_writes=False)


def stream() -> ConverseToMessageStream:
    return ConverseToMessageStream(identity="r-1", model="m", long_writes=False)


def gathered(events: list[Json]) -> Json:
    translated, message = stream(), StreamedMessage()
    for event in events:
        for own in translated.feed(event):
            message.add(own)
    for own in translated.end():
        message.add(own)
    return message.whole()


@settings(deadline=None)
@given(answers, st.lists(SIGNED | st.just(HIDDEN), max_size=2), TTL)
def test_a_message_survives_the_way_through_converse_whole_and_streamed(
    message: Json, thoughts: list[Json], ttl: str
) -> None:
    message = {**message, "id": "msg_r-1", "model": "m", "content": thoughts + message["content"]}
    content = [block_of(block) for block in message["content"]]
    usage = usage_of(message["usage"], ttl)
    there = whole(response(content, message["stop_reason"], usage))
    assert {**there, "usage": None} == {**message, "usage": None}
    assert messages_counts(there) == messages_counts(message, ttl)
    streamed = gathered(list(events_of(content, message["stop_reason"], usage)))
    assert streamed == there


def messages_counts(message: Json, ttl: str | None = None) -> TokenCounts:
    usage = message["usage"]
    if ttl == "1h":
        written = usage["cache_creation_input_tokens"]
        usage = {**usage, "cache_creation": {"ephemeral_1h_input_tokens": written}}
    return anthropic_usage(usage)


@settings(deadline=None)
@given(answers, TTL)
def test_the_stock_sdk_takes_what_is_made_of_any_answer(message: Json, ttl: str) -> None:
    content = [block_of(block) for block in message["content"]]
    usage = usage_of(message["usage"], ttl)
    expected = JUDGES.message(whole(response(content, message["stop_reason"], usage)))
    translated = stream()
    events = [
        own
        for event in events_of(content, message["stop_reason"], usage)
        for own in translated.feed(event)
    ]
    seen = JUDGES.events(events)
    assert [block.to_dict() for block in seen.content] == [
        block.to_dict() for block in expected.content
    ]
    assert seen.usage.input_tokens == expected.usage.input_tokens


@pytest.mark.parametrize(("theirs", "ours"), sorted(STOP_REASONS.items()))
def test_stop_reasons_are_named_in_anthropics_terms(theirs: str, ours: str) -> None:
    assert whole(response([{"text": "x"}], theirs))["stop_reason"] == ours


def test_the_stop_sequence_that_was_met_is_named() -> None:
    extra = {"additionalModelResponseFields": {"stop_sequence": "END"}}
    assert whole(response([], "stop_sequence", **extra))["stop_sequence"] == "END"
    stopped = {"messageStop": {"stopReason": "stop_sequence", **extra}}
    message = gathered([*AFTER_START, stopped, {"metadata": {"usage": USAGE}}])
    assert message["stop_sequence"] == "END"


def test_a_call_id_that_anthropic_would_refuse_is_rewritten_alike_in_both_forms() -> None:
    content = [{"toolUse": {"toolUseId": "t:1.2", "name": "f", "input": {}}}]
    expected = whole(response(content, "tool_use"))["content"]
    assert expected[0]["id"] == "toolu_t_3a_1_2e_2"
    assert gathered(list(events_of(content, "tool_use", USAGE)))["content"] == expected


def test_an_empty_text_block_is_a_block_all_the_same() -> None:
    message = gathered([
        *AFTER_START, {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}}, {"metadata": {"usage": USAGE}},
    ])  # fmt: skip
    assert message["content"] == [{"type": "text", "text": ""}]


def test_events_that_say_nothing_to_us_are_passed_over() -> None:
    assert stream().feed({"SDK_UNKNOWN_MEMBER": {"name": "later"}}) == []


@pytest.mark.parametrize(
    ("details", "long_writes", "short", "long"),
    [
        ([{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 10}], False, 10, 30),
        (None, False, 40, 0),
        (None, True, 0, 40),
    ],
)
def test_cache_writes_are_split_by_their_lifetime_or_counted_as_the_dearest_asked_for(
    details: Any, long_writes: bool, short: int, long: int
) -> None:
    told = {**USAGE, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 40}
    if details is not None:
        told["cacheDetails"] = details
    counted = anthropic_usage(messages_usage(told, long_writes=long_writes))
    expected = TokenCounts(
        input=7, cache_read=3, cache_write=short, cache_write_long=long, output=5
    )
    assert counted == expected


UNREADABLE: list[Any] = [
    None,
    "none",
    {},
    {**USAGE, "inputTokens": "ten"},
    {**USAGE, "outputTokens": -5},
    {**USAGE, "cacheWriteInputTokens": 9, "cacheDetails": [{"ttl": "5m", "inputTokens": 8}]},
    {**USAGE, "cacheWriteInputTokens": 9, "cacheDetails": [{"ttl": "24h", "inputTokens": 9}]},
]


@pytest.mark.parametrize("usage", UNREADABLE)
def test_usage_that_cannot_be_read_is_never_zero(usage: Any) -> None:
    said = whole(response([{"text": "x"}], usage=usage))
    events = list(events_of([{"text": "x"}], "end_turn", usage))
    assert JUDGES.message(said).usage.input_tokens == -1
    for found in (said["usage"], gathered(events)["usage"]):
        with pytest.raises(MalformedUsage):
            anthropic_usage(found)


def test_a_stream_without_its_accounts_is_whole_and_its_usage_unknown() -> None:
    events = list(events_of([{"text": "x"}], "end_turn", USAGE))[:-1]
    message = gathered(events)
    assert message["stop_reason"] == "end_turn"
    assert message["usage"] == UNKNOWN_USAGE


def test_a_stream_that_breaks_off_has_no_end() -> None:
    translated = stream()
    for event in list(events_of([{"text": "x"}], "end_turn", USAGE))[:-2]:
        translated.feed(event)
    assert translated.end() == []


BROKEN: list[Json] = [
    {},
    {**response([]), "output": {}},
    {**response([]), "stopReason": None},
    response([], "malformed_tool_use"),
    response([], "malformed_model_output"),
    response([{"video": {}}]),
    response([{"text": 7}]),
    response([{"toolUse": {"toolUseId": "t", "name": "f", "input": "text"}}]),
    response([{"reasoningContent": {}}]),
]


@pytest.mark.parametrize("said", BROKEN)
def test_what_is_no_answer_is_malformed(said: Json) -> None:
    with pytest.raises(MalformedAnswer):
        whole(said)


@pytest.mark.parametrize(
    "event",
    [
        {"metadata": {"usage": USAGE}},
        {"messageStop": {"stopReason": "malformed_tool_use"}},
        {"contentBlockStart": {"start": {"image": {}}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": "{"}}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"citation": {}}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "x"}, "contentBlockIndex": "0"}},
    ],
)
def test_an_event_out_of_place_or_shape_is_malformed(event: Json) -> None:
    with pytest.raises(MalformedAnswer):
        gathered([*AFTER_START, event])
