"""Nothing but a refusal comes of a stream that makes no sense."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.completion import MalformedAnswer
from shared.domain.translation import MessageStreamToChunks, message_to_completion
from tests.unit.domain.test_translation_streams import DONE, called, chunk, names, to_events
from tests.unit.domain.translatable import CREATED

Json = dict[str, Any]


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [chunk({"content": "a"})],
        [None],
        [{"choices": None}],
        [chunk({"content": 1}, "stop")],
        [chunk({"tool_calls": {}}, "stop")],
        [chunk({"tool_calls": [None]}, "stop")],
        [chunk({"tool_calls": [{"index": 0, "function": "f"}]}, "stop")],
        [chunk({"tool_calls": [{"index": 0, "function": {"name": 1}}]}, "stop")],
        [chunk({"tool_calls": [{"index": 0}]}), DONE],
        [chunk(called(0, '{"a":', id="a", name="f")), DONE],
        [chunk(called(0, "{", id="a", name="f")), chunk({"content": "x"}),
         chunk(called(0, "}")), DONE],
        [chunk({"content": "a"}, "an_unknown_reason")],
        [{**chunk({}), "choices": [{"index": 1, "delta": {}}]}],
    ],
)  # fmt: skip
def test_what_is_no_stream_of_a_completion_is_refused(chunks: list[object]) -> None:
    with pytest.raises(MalformedAnswer):
        to_events(chunks)


SOME_CHUNKS = [
    chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "r"}),
    chunk({"content": "a"}), chunk(called(0, '{"a":', id="a", name="f")), chunk(called(0, "1}")),
    chunk({}, "tool_calls"),
    {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
]  # fmt: skip
SOME_EVENTS = to_events(SOME_CHUNKS)
junk: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, "", "x", "text", "{", [], {}, [None], [{}], {"a": 1}]
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(each, dict | list):
            yield from places(each)


@st.composite
def spoiled(draw: st.DrawFn, stream: list[Json]) -> list[object]:
    """Replace or remove something at up to three places of a stream."""
    changed: list[object] = [*copy.deepcopy(stream)]
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(places(changed))))
        if draw(st.booleans()):
            container[key] = copy.deepcopy(draw(junk))
        else:
            del container[key]
        if not changed:
            break
    return changed


@settings(max_examples=500, deadline=None)
@given(spoiled(SOME_CHUNKS))
def test_spoiled_chunks_raise_nothing_but_malformed_answers(chunks: list[object]) -> None:
    try:
        events = to_events(chunks)
    except MalformedAnswer:
        return
    assert names(events)[-1] == "message_stop"


@settings(max_examples=500, deadline=None)
@given(spoiled(SOME_EVENTS))
def test_spoiled_events_raise_nothing_but_malformed_answers(events: list[Any]) -> None:
    stream = MessageStreamToChunks(CREATED)
    try:
        for event in events:
            stream.feed(event)
        message_to_completion(stream.gathered.whole(), created=CREATED)
    except MalformedAnswer:
        return
    assert stream.gathered.is_finished
