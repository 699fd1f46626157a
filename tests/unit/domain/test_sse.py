"""Events survive any way of cutting the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.sse import DONE, KEEP_ALIVE, Event, EventReader, Oversized, data_frame

payloads = st.lists(st.binary(max_size=20).filter(lambda b: not set(b) & set(b"\r\n")), max_size=6)


@given(payloads, st.data())
def test_events_come_out_whole_however_the_bytes_are_cut(
    sent: list[bytes], data: st.DataObject
) -> None:
    wire = b"".join(KEEP_ALIVE + data_frame(payload) for payload in sent)
    reader = EventReader()
    got: list[Event] = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        got += reader.feed(wire[:size])
        wire = wire[size:]
    assert [event.data for event in got] == sent


def test_names_lines_and_carriage_returns_are_understood() -> None:
    wire = b"event: ping\r\ndata: one\r\ndata:two\r\n\r\n" + DONE
    assert list(EventReader().feed(wire)) == [Event("ping", b"one\ntwo"), Event("", b"[DONE]")]


def test_an_unterminated_last_event_is_found_at_the_close() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: last")) == []
    assert list(reader.close()) == [Event("", b"last")]


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(Oversized):
        list(EventReader(limit_bytes=10).feed(b"data: 0123456789"))
