"""Each scripted fault does what it says, once, and is billed by the stated rule."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest
from openai import APIStatusError, OpenAI, RateLimitError

from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_chat import MODEL, ask, chunks, streamed_text

TEXT = "[echo one two three four]"


def body(*, stream: bool) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": TEXT}], "stream": stream}


def received(simulator: Simulator, *, stream: bool) -> tuple[bytes, bool]:
    """Return the bytes that arrived and whether they ended in good order."""
    got = b""
    headers = {"authorization": f"Bearer {KEY}"}
    path = "/v1/chat/completions"
    with simulator.control.stream(
        "POST", path, json=body(stream=stream), headers=headers
    ) as answer:
        try:
            for data in answer.iter_bytes():
                got += data
        except httpx2.RemoteProtocolError:
            return got, False
    return got, True


def test_a_status_fault_strikes_as_often_as_told_and_bills_nothing(
    simulator: Simulator, openai: OpenAI
) -> None:
    simulator.fault(kind="status", status=503, retry_after=2, times=2)
    for _ in range(2):
        with pytest.raises(APIStatusError) as refused:
            ask(openai, "x")
        assert refused.value.status_code == 503
        assert refused.value.response.headers["retry-after"] == "2"
    assert simulator.books()["lines"] == []
    assert ask(openai, "x").choices[0].message.content


def test_a_429_is_a_rate_limit_error(simulator: Simulator, openai: OpenAI) -> None:
    simulator.fault(kind="status", status=429)
    with pytest.raises(RateLimitError) as refused:
        ask(openai, "x", stream=True)
    assert refused.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize("match", [{"model": "gpt-6-astra"}, {"provider": "xai"}, {"stream": True}])
def test_a_fault_waits_for_a_request_that_matches(
    simulator: Simulator, openai: OpenAI, match: dict[str, object]
) -> None:
    simulator.fault(kind="status", status=500, match=match)
    assert ask(openai, "x").choices[0].message.content
    meant = {"model": "gpt-6-astra", "messages": [{"role": "user", "content": "x"}]}
    if match == {"provider": "xai"}:
        meant["model"] = "grok-4.7"
        assert simulator.post(meant, "/xai/v1/chat/completions").status_code == 500
    else:
        assert simulator.post(meant | {"stream": True}).status_code == 500


def test_a_disconnect_drops_a_stream_after_its_chunks(simulator: Simulator) -> None:
    simulator.fault(kind="disconnect", after_chunks=3)
    got, ended = received(simulator, stream=True)
    assert not ended
    assert got.count(b"data: ") == 3
    line = simulator.line()
    assert (line["delivered"], line["completion_tokens"]) == ("broken", 2)


def test_a_disconnect_drops_a_whole_answer_in_its_middle(simulator: Simulator) -> None:
    simulator.fault(kind="disconnect", after_chunks=3)
    got, ended = received(simulator, stream=False)
    assert not ended
    assert got.startswith(b'{"id"')
    assert simulator.line()["completion_tokens"] == 4


def test_a_truncated_stream_ends_in_good_order_without_a_finish(simulator: Simulator) -> None:
    simulator.fault(kind="truncate", after_chunks=2)
    got, ended = received(simulator, stream=True)
    assert ended
    assert got.count(b"data: ") == 2
    assert b"[DONE]" not in got
    assert b'"finish_reason":"stop"' not in got
    assert simulator.line()["delivered"] == "broken"


def test_a_fault_beyond_the_end_still_withholds_done(simulator: Simulator) -> None:
    simulator.fault(kind="truncate", after_chunks=10_000)
    got, _ended = received(simulator, stream=True)
    assert b'"finish_reason":"stop"' in got
    assert b"[DONE]" not in got


def test_one_malformed_event_stands_among_sound_ones(simulator: Simulator) -> None:
    simulator.fault(kind="malformed", after_chunks=2)
    got, ended = received(simulator, stream=True)
    events = got.decode().strip().split("\n\n")
    sound = [event.endswith("}") for event in events[:-1]]
    assert ended
    assert sound == [True, True, False, True, True, True]
    assert events[-1] == "data: [DONE]"
    assert simulator.line()["completion_tokens"] == 4


@pytest.mark.parametrize("kind", ["malformed", "truncate"])
def test_a_whole_answer_can_arrive_as_half_a_body(simulator: Simulator, kind: str) -> None:
    simulator.fault(kind=kind)
    got, ended = received(simulator, stream=False)
    assert ended
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", [{"kind": "stall"}, {"kind": "slow_first_byte"}])
def test_a_silence_lasts_and_then_the_answer_is_whole(
    simulator: Simulator, openai: OpenAI, fault: dict[str, str], *, stream: bool
) -> None:
    simulator.fault(**fault, seconds=0.3)
    started = time.monotonic()
    if stream:
        text = streamed_text(chunks(openai, TEXT))
    else:
        text = ask(openai, TEXT).choices[0].message.content
    assert time.monotonic() - started >= 0.3
    assert text == "one two three four"
    assert simulator.line()["delivered"] == "complete"


def test_a_client_that_leaves_a_stalled_stream_is_billed_at_once(
    simulator: Simulator, openai: OpenAI
) -> None:
    simulator.fault(kind="stall", after_chunks=2, seconds=30)
    stream = ask(openai, TEXT, stream=True)
    next(stream)
    next(stream)
    stream.close()
    line = simulator.line()
    assert (line["delivered"], line["completion_tokens"]) == ("hung_up", 1)


def test_wrong_usage_is_reported_but_not_booked(simulator: Simulator) -> None:
    simulator.fault(kind="usage", value={"prompt_tokens": "ten"}, times=2)
    assert simulator.post(body(stream=False)).json()["usage"] == {"prompt_tokens": "ten"}
    streamed = simulator.post(body(stream=True) | {"stream_options": {"include_usage": True}})
    assert '"usage":{"prompt_tokens":"ten"}' in streamed.text
    assert [line["completion_tokens"] for line in simulator.books()["lines"]] == [4, 4]


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "earthquake"}],
        [{"kind": "status"}],
        [{"kind": "status", "status": 200}],
        [{"kind": "stall", "seconds": 1, "surprise": 1}],
        [{"kind": "truncate", "times": 0}],
        [{"kind": "truncate", "match": {"colour": "red"}}],
        {"kind": "truncate"},
        [{"kind": "status", "status": 500}, {"kind": "earthquake"}],
    ],
)
def test_an_unknown_fault_is_400_and_queues_nothing(
    simulator: Simulator, openai: OpenAI, faults: object
) -> None:
    assert simulator.control.post("/_control/faults", json=faults).status_code == 400
    assert ask(openai, "x").choices[0].message.content


def test_the_pending_strikes_are_counted(simulator: Simulator) -> None:
    both = [{"kind": "truncate", "times": 3}, {"kind": "malformed"}]
    assert simulator.control.post("/_control/faults", json=both).json() == {"pending": 4}
