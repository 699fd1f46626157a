"""Streams in the terms of the other door: the same, event by event, as the whole answer."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.completion import StreamedCompletion, replay
from shared.domain.message_replay import replay_message
from shared.domain.message_stream import StreamedMessage
from shared.domain.translation import (
    ChunksToMessageStream,
    MessageStreamToChunks,
    completion_to_message,
    message_to_completion,
)
from tests.contracts.stock_sdks import Judges
from tests.unit.domain.translatable import CREATED, answers, calm, few

Json = dict[str, Any]

judges = Judges()


def pieces(text: str, draw: st.DrawFn) -> list[str]:
    """Cut a text somewhere, so that what belongs together comes in several deltas."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=2)))
    return [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]


@st.composite
def event_streams(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """Generate a message and the events that say it, with pings and cut deltas."""
    message = draw(answers)
    events: list[Json] = []
    for _, event in replay_message(message, {}):
        fields = ("text", "thinking", "partial_json")
        name = next((each for each in fields if each in event.get("delta", {})), None)
        if name is None:
            events += [event, {"type": "ping"}]
        else:
            for piece in pieces(event["delta"][name], draw):
                events.append({**event, "delta": {**event["delta"], name: piece}})
    return message, events


@st.composite
def chunk_streams(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """Generate a completion and the chunks that say it, one field at a time and cut."""
    completion = message_to_completion(draw(answers), created=CREATED)
    head, *rest = replay(completion, include_usage=True, notes={})
    delta = head["choices"][0]["delta"]
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "content"):
        deltas += [{name: piece} for piece in pieces(delta.get(name) or "", draw)]
    for call in delta.get("tool_calls") or ():
        first, *more = pieces(call["function"]["arguments"], draw)
        deltas.append({"tool_calls": [{**call, "function": {**call["function"],
                                                            "arguments": first}}]})  # fmt: skip
        deltas += [
            {"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]}
            for piece in more
        ]
    choice = head["choices"][0]
    return completion, [{**head, "choices": [{**choice, "delta": d}]} for d in deltas] + rest


def to_chunks(events: Iterable[Json]) -> list[Json]:
    stream = MessageStreamToChunks(CREATED)
    return [chunk for event in events for chunk in stream.feed(event)]


def to_events(chunks: Iterable[object]) -> list[Json]:
    stream = ChunksToMessageStream()
    events = [event for chunk in chunks for event in stream.feed(chunk)]
    return events + stream.end()


def gathered_completion(chunks: Iterable[Json]) -> Json:
    stream = StreamedCompletion(1)
    for chunk in chunks:
        stream.add(chunk)
    assert stream.is_finished
    return stream.whole()


def gathered_message(events: Iterable[Json]) -> Json:
    stream = StreamedMessage()
    for event in events:
        stream.add(event)
    assert stream.is_finished
    return stream.whole()


@calm
@given(event_streams())
def test_translated_events_add_up_to_the_translated_message(said: tuple[Json, list[Json]]) -> None:
    message, events = said
    chunks = to_chunks(events)
    assert gathered_completion(chunks) == message_to_completion(message, created=CREATED)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant"}
    assert chunks[-2]["choices"][0]["finish_reason"] is not None
    assert chunks[-1]["choices"] == []


@calm
@given(chunk_streams())
def test_translated_chunks_add_up_to_the_translated_completion(
    said: tuple[Json, list[Json]],
) -> None:
    completion, chunks = said
    assert gathered_message(to_events(chunks)) == completion_to_message(completion)


@few
@given(event_streams())
def test_the_stock_openai_sdk_accepts_every_translated_stream(
    said: tuple[Json, list[Json]],
) -> None:
    message, events = said
    seen = judges.chunks(to_chunks(events))
    texts = [block["text"] for block in message["content"] if block["type"] == "text"]
    assert "".join(c.choices[0].delta.content or "" for c in seen[:-1]) == "".join(texts)
    assert seen[-1].usage is not None


@few
@given(chunk_streams())
def test_the_stock_anthropic_sdk_accepts_every_translated_stream(
    said: tuple[Json, list[Json]],
) -> None:
    completion, chunks = said
    seen = judges.events(to_events(chunks))
    expected = judges.message(completion_to_message(completion))
    assert [b.to_dict() for b in seen.content] == [b.to_dict() for b in expected.content]
    assert seen.usage.to_dict() == expected.usage.to_dict()
    assert seen.stop_reason == expected.stop_reason


@calm
@given(chunk_streams())
def test_blocks_come_one_after_the_other_and_each_is_closed(said: tuple[Json, list[Json]]) -> None:
    open_block, count = None, 0
    for event in to_events(said[1]):
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (None, count)
                open_block, count = count, count + 1
            case "content_block_delta":
                assert event["index"] == open_block
            case "content_block_stop":
                assert event["index"] == open_block
                open_block = None
    assert open_block is None


def chunk(delta: Json, finish: str | None = None, **fields: Any) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m", "created": 1, "choices": [choice], **fields}


def called(index: int | None, arguments: str, **fields: Any) -> Json:
    place = {} if index is None else {"index": index}
    name = {"name": fields.pop("name")} if "name" in fields else {}
    call = {**place, **fields, "function": {**name, "arguments": arguments}}
    return {"tool_calls": [call]}


DONE = chunk({}, "tool_calls")


def names(events: Iterable[Json]) -> list[str]:
    return [event["type"].removeprefix("content_block_") for event in events]


def test_deltas_of_parallel_calls_may_interleave() -> None:
    events = to_events([
        chunk(called(0, "", id="a", name="f")), chunk(called(0, '{"x":')),
        chunk(called(1, '{"y"', id="b", name="g")), chunk(called(0, "1}")),
        chunk(called(1, ":2}")), DONE,
    ])  # fmt: skip
    blocks = gathered_message(events)["content"]
    assert [(b["id"], b["name"], b["input"]) for b in blocks] == [
        ("a", "f", {"x": 1}), ("b", "g", {"y": 2}),
    ]  # fmt: skip


def test_the_first_call_flows_as_it_comes() -> None:
    stream = ChunksToMessageStream()
    stream.feed(chunk({"role": "assistant"}))
    assert names(stream.feed(chunk(called(0, "", id="a", name="f")))) == ["start"]
    assert names(stream.feed(chunk(called(0, "{")))) == ["delta"]


def test_calls_without_an_index_are_calls_of_their_own() -> None:
    events = to_events([
        chunk(called(None, "{}", id="a", name="f")), chunk(called(None, "{}", id="b", name="f")),
        DONE,
    ])  # fmt: skip
    assert [block["id"] for block in gathered_message(events)["content"]] == ["a", "b"]


def test_a_refusal_flows_as_text_and_ends_as_a_refusal() -> None:
    events = to_events([chunk({"refusal": "N"}), chunk({"refusal": "o."}), chunk({}, "stop")])
    message = gathered_message(events)
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert message["stop_details"]["explanation"] == "No."
    assert judges.events(events).stop_reason == "refusal"


def test_the_explanation_of_a_refusal_comes_before_the_finish_reason() -> None:
    details = {"type": "refusal", "category": None, "explanation": "No."}
    message = {"id": "msg_1", "model": "m", "content": [], "stop_reason": "refusal",
               "stop_details": details,
               "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    chunks = to_chunks(event for _, event in replay_message(message, {}))
    assert chunks[-3]["choices"][0]["delta"] == {"refusal": "No."}
    assert gathered_completion(chunks) == message_to_completion(message, created=CREATED)


def test_input_that_comes_with_the_start_of_a_call_is_told_at_its_end() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    stream = MessageStreamToChunks(CREATED)
    stream.feed({"type": "message_start", "message": {"id": "msg_1", "content": []}})
    stream.feed({"type": "content_block_start", "index": 0, "content_block": block})
    told = stream.feed({"type": "content_block_stop", "index": 0})
    assert told[0]["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "function": {"arguments": '{"a":1}'}}
    ]


def test_the_tokens_are_shown_at_the_end_of_a_message() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    last = {"id": "chatcmpl-1", "model": "m", "choices": [], "usage": usage}
    events = to_events([chunk({"content": "a"}), chunk({}, "stop"), last])
    assert set(events[0]["message"]["usage"].values()) == {0}
    assert names(events)[-3:] == ["stop", "message_delta", "message_stop"]
    assert events[-2]["usage"]["input_tokens"] == 9


def test_a_stream_without_usage_has_no_usage_chunk_and_shows_zeros() -> None:
    events = to_events([chunk({"content": "a"}), chunk({}, "stop")])
    assert set(events[-2]["usage"].values()) == {0}
    no_usage = [e for e in events if e["type"] != "message_delta"]
    no_usage[0]["message"]["usage"] = None
    ending = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    assert to_chunks([*no_usage[:-1], ending, no_usage[-1]])[-1]["choices"] != []
