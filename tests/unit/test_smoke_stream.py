"""What times of arrival prove, without a network."""

from __future__ import annotations

import pytest

from cli.smoke_stream import Arrival, events_of


def test_words_a_little_apart_are_a_stream() -> None:
    arrival = Arrival([0.2 + 0.02 * n for n in range(20)])
    assert arrival.streamed
    assert arrival.told() == (
        "first word after 0.200 s, last after 0.580 s, 20 bursts, gaps of 20 to 20 ms (median 20)"
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no words", []),
        ("one word", [1.0]),
        ("all at once", [1.0 + 0.001 * n for n in range(60)]),
        ("one word, then the rest", [0.1, *(2.0 for _ in range(60))]),
        ("three packets of one delivery", [1.0, 1.02, 1.04]),
    ],
)
def test_a_held_back_answer_is_no_stream(fault: str, words: list[float]) -> None:
    assert not Arrival(words).streamed, fault


def test_an_event_cut_in_two_arrives_with_its_end() -> None:
    pieces = [
        b'data: {"choices":[{"delta":{"content":"wat',
        b'er"}}]}\n\n: keep-alive\n\ndata: {"choices":[]}\n\ndata: [DO',
        b"NE]\n\n",
    ]
    events = list(events_of(pieces, 0.0))
    assert [event.text for event in events] == ["water", "", ""]
    assert events[-1].data == "[DONE]"
    assert [event.at for event in events] == sorted(event.at for event in events)
