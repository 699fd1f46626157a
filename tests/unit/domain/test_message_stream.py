"""Anthropic streams: gathered into messages, and replayed from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.completion import MalformedAnswer
from shared.domain.message_replay import replay_message
from shared.domain.message_stream import (
    StreamedMessage,
    message_is_cacheable,
    message_stop_reason,
)
from tests.contracts.stock_sdks import Judges
from tests.unit.domain.translatable import (
    answer,
    answers,
    calm,
    few,
    ids,
    message_usage,
    texts,
    use_block,
)

Json = dict[str, Any]

USAGE: Json = {"input_tokens": 3, "output_tokens": 1, "cache_creation": {
    "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 7},
    "cache_creation_input_tokens": 7, "service_tier": "standard"}  # fmt: skip
START: Json = {"type": "message_start", "message": {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
    "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}}  # fmt: skip
STOP = {"type": "message_stop"}
judges = Judges()

citations = st.builds(
    lambda start, title: {
        "type": "char_location", "cited_text": "c", "document_index": 0, "document_title": title,
        "start_char_index": start, "end_char_index": start + 1,
    },
    st.integers(0, 9), texts,
)  # fmt: skip
blocks = (
    use_block
    | st.builds(lambda t: {"type": "text", "text": t, "citations": None}, texts)
    | st.builds(
        lambda t, cited: {"type": "text", "text": t, "citations": cited},
        texts, st.lists(citations, max_size=2),
    )
    | st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, texts, texts)
    | st.builds(lambda d: {"type": "redacted_thinking", "data": d}, texts)
)  # fmt: skip
messages = st.builds(
    answer, ids, st.lists(blocks, max_size=4), st.sampled_from(["whole", "refusal"]), message_usage
) | answers  # fmt: skip


def block(index: int, start: Json, *deltas: Json, stop: bool = True) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        *([{"type": "content_block_stop", "index": index}] if stop else []),
    ]


def end(reason: str | None = "end_turn", **usage: Any) -> Json:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 12, **usage},
    }


def gathered(*events: object) -> StreamedMessage:
    stream = StreamedMessage()
    for event in events:
        stream.add(event)
    return stream


@calm
@given(messages)
def test_a_replayed_message_adds_up_to_itself(message: Json) -> None:
    events = list(replay_message(message, {"cost_usd": "0"}))
    assert [name for name, _ in events] == [event["type"] for _, event in events]
    stream = gathered(*(event for _, event in events))
    assert stream.is_finished
    assert stream.whole() == message
    assert stream.usage == message["usage"]


@few
@given(messages)
def test_the_stock_sdk_gathers_the_same_message_from_a_replay(message: Json) -> None:
    seen = judges.events(event for _, event in replay_message(message, {"cost_usd": "0"}))
    expected = judges.message(message)
    assert seen.to_dict(exclude_unset=False) | {"content": None} == (
        expected.to_dict(exclude_unset=False) | {"content": None}
    )
    assert [b.to_dict() for b in seen.content] == [b.to_dict() for b in expected.content]


def test_only_message_delta_carries_the_notes() -> None:
    message = gathered(START, *block(0, {"type": "text", "text": "a"}), end()).whole()
    events = dict(replay_message(message, {"cost_usd": "0.1"}))
    assert [name for name, event in events.items() if "sluice" in event] == ["message_delta"]
    assert events["message_delta"]["sluice"] == {"cost_usd": "0.1"}


def test_a_stream_is_gathered_with_thinking_citations_tools_and_pings() -> None:
    cited = {"type": "char_location", "cited_text": "c"}
    stream = gathered(
        START,
        {"type": "ping"},
        *block(0, {"type": "thinking", "thinking": "", "signature": ""},
               {"type": "thinking_delta", "thinking": "hm"},
               {"type": "thinking_delta", "thinking": "m"},
               {"type": "signature_delta", "signature": "s"}),
        *block(1, {"type": "redacted_thinking", "data": "x"}),
        *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"},
               {"type": "citations_delta", "citation": cited}, {"type": "new_delta"}),
        *block(3, {"type": "tool_use", "id": "t", "name": "f", "input": {}},
               {"type": "input_json_delta", "partial_json": ""},
               {"type": "input_json_delta", "partial_json": '{"a":'},
               {"type": "input_json_delta", "partial_json": "1}"}),
        {"type": "an_event_of_the_future", "index": "x"},
        end("tool_use", cache_read_input_tokens=None),
        STOP,
    )  # fmt: skip
    assert stream.whole() == {
        **START["message"],
        "content": [
            {"type": "thinking", "thinking": "hmm", "signature": "s"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "a", "citations": [cited]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {**USAGE, "output_tokens": 12},
    }


def test_a_stream_is_finished_by_its_stop_reason_and_not_before() -> None:
    stream = gathered(START, *block(0, {"type": "text", "text": "a"}))
    assert not stream.is_finished
    stream.add(end(None))
    assert not stream.is_finished
    stream.add(end("max_tokens"))
    assert stream.is_finished


def test_usage_is_known_from_the_first_event_on() -> None:
    assert gathered().usage is None
    assert gathered(START).usage == USAGE
    assert USAGE["output_tokens"] == 1


TOOL: Json = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
CUT = {"type": "input_json_delta", "partial_json": '{"a":'}


def test_the_input_of_a_call_that_was_cut_short_is_empty() -> None:
    message = gathered(START, *block(0, TOOL, CUT), end("max_tokens")).whole()
    assert message["content"][0]["input"] == {}
    assert not message_is_cacheable(message)


@pytest.mark.parametrize(
    "events",
    [
        [None],
        [{}],
        [{"type": 1}],
        [end()],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": []}],
        [START, START],
        [START, {"type": "error", "error": {"type": "overloaded_error"}}],
        [START, {"type": "content_block_start", "index": 0}],
        [START, {"type": "content_block_start", "index": True, "content_block": TOOL}],
        [START, {"type": "content_block_start", "index": 1, "content_block": TOOL}],
        [START, {"type": "content_block_start", "index": 0, "content_block": {}}],
        [START, {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta"}}],
        [START, {"type": "content_block_stop", "index": 0}],
        [START, *block(0, {"type": "text", "text": ""}, {"type": "text_delta"})],
        [START, *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": 1})],
        [START, *block(0, {"type": "text"}, {"type": "text_delta", "text": "a"})],
        [START, *block(0, TOOL, {"type": "text_delta", "text": "a"})],
        [START, *block(0, TOOL, {"type": "thinking_delta", "thinking": "a"})],
        [START, *block(0, TOOL, {"type": "input_json_delta", "partial_json": None})],
        [START, *block(0, TOOL, CUT), end("tool_use")],
        [START, *block(0, TOOL, {"type": "input_json_delta", "partial_json": "[]"}), end()],
        [START, {"type": "message_delta", "usage": {}}],
    ],
)
def test_what_is_no_stream_of_a_message_is_refused(events: list[object]) -> None:
    with pytest.raises(MalformedAnswer):
        gathered(*events)


def message(content: list[Json], reason: str | None = "end_turn") -> Json:
    return {**START["message"], "content": content, "stop_reason": reason}


TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "tool_use"])
def test_a_whole_answer_that_says_something_is_kept(reason: str) -> None:
    assert message_is_cacheable(message([TEXT], reason))
    assert message_is_cacheable(message([TOOL], reason))


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "pause_turn",
                                    "model_context_window_exceeded", "a_new_reason"])  # fmt: skip
def test_truncated_refused_and_paused_answers_are_not_kept(reason: str) -> None:
    assert not message_is_cacheable(message([TEXT], reason))


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": ""}],
                                     [{"type": "thinking", "thinking": "a"}]])  # fmt: skip
def test_an_answer_that_says_nothing_is_not_kept(content: list[Json]) -> None:
    assert not message_is_cacheable(message(content))


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        message([TEXT], None),
        {**message([TEXT]), "content": "a"},
        message([None]),  # type: ignore[list-item]
        message([{"text": "a"}]),
        message([{"type": "text"}]),
        message([{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]),
        message([{"type": "thinking", "thinking": None}]),
    ],
)
def test_what_is_no_message_is_refused(value: object) -> None:
    with pytest.raises(MalformedAnswer):
        message_stop_reason(value)


def test_the_stop_reason_of_a_message_is_its_own() -> None:
    assert message_stop_reason(message([TEXT], "refusal")) == "refusal"
