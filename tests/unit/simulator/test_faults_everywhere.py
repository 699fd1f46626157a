"""Every fault strikes in every protocol, streamed or not, in that protocol's shape."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic as anthropic_sdk
import httpx2
import openai as openai_sdk
import pytest
from anthropic import Anthropic
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from openai import OpenAI

from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_chat import chunks
from tests.unit.simulator.test_messages import streamed

TEXT = "[echo one two three four]"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-1/bedrock/aws4_request, Signature=0"


@dataclass(frozen=True)
class Door:
    """One protocol: where it is, what proves the caller, a body, and how a stream is read."""

    protocol: str
    path: Callable[[bool], str]
    headers: dict[str, str]
    body: Callable[[bool], dict[str, Any]]
    events: Callable[[bytes], list[Any]]


def sse(raw: bytes) -> list[Any]:
    lines = raw.decode().splitlines()
    return [line[6:] for line in lines if line.startswith("data: ")]


def frames(raw: bytes) -> list[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    return [message.headers for message in buffer]


def _messages(_stream: bool) -> list[dict[str, Any]]:
    return [{"role": "user", "content": TEXT}]


DOORS = [
    Door(
        "openai-chat",
        lambda _: "/v1/chat/completions",
        {"authorization": f"Bearer {KEY}"},
        lambda s: {"model": "gpt-6-luna", "messages": _messages(s), "stream": s},
        sse,
    ),
    Door(
        "anthropic-messages",
        lambda _: "/v1/messages",
        {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        lambda s: {
            "model": "claude-haiku-5-5",
            "max_tokens": 99,
            "messages": _messages(s),
            "stream": s,
        },
        sse,
    ),
    Door(
        "bedrock-converse",
        lambda s: f"/model/anthropic.claude-haiku-5-5/converse{'-stream' if s else ''}",
        {"authorization": SIGNED},
        lambda _: {"messages": [{"role": "user", "content": [{"text": TEXT}]}]},
        frames,
    ),
]
DOOR = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.protocol)
STREAM = pytest.mark.parametrize("stream", [False, True])


def call(simulator: Simulator, door: Door, *, stream: bool) -> tuple[int, bytes, bool]:
    """Return the status, the bytes that arrived, and whether they ended in good order."""
    got = b""
    with simulator.control.stream(
        "POST", door.path(stream), json=door.body(stream), headers=door.headers
    ) as answer:
        try:
            for data in answer.iter_bytes():
                got += data
        except httpx2.RemoteProtocolError:
            return answer.status_code, got, False
    return answer.status_code, got, True


@DOOR
@STREAM
@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_an_error_instead_of_an_answer_bills_nothing(
    simulator: Simulator, door: Door, status: int, *, stream: bool
) -> None:
    simulator.fault(kind="status", status=status, match={"protocol": door.protocol})
    got = call(simulator, door, stream=stream)
    assert got[0] == status
    said = json.loads(got[1])
    shape = {"message"} if door.protocol == "bedrock-converse" else {"error"}
    assert shape <= set(said)
    assert simulator.books()["lines"] == []
    assert call(simulator, door, stream=stream)[0] == 200


@DOOR
@STREAM
@pytest.mark.parametrize("kind", ["slow_first_byte", "stall"])
def test_a_silence_ends_in_a_whole_answer(
    simulator: Simulator, door: Door, kind: str, *, stream: bool
) -> None:
    sound = call(simulator, door, stream=stream)[1]
    simulator.fault(kind=kind, seconds=0.25)
    started = time.monotonic()
    status, got, ended = call(simulator, door, stream=stream)
    assert time.monotonic() - started >= 0.25
    assert (status, ended) == (200, True)
    assert abs(len(got) - len(sound)) < 8
    assert [line["delivered"] for line in simulator.lines(2)] == ["complete"] * 2


@DOOR
@STREAM
def test_a_disconnect_drops_the_connection(
    simulator: Simulator, door: Door, *, stream: bool
) -> None:
    simulator.fault(kind="disconnect", after_chunks=3)
    _status, got, ended = call(simulator, door, stream=stream)
    assert got
    assert not ended
    assert simulator.line()["delivered"] == "broken"


@DOOR
def test_a_truncated_stream_ends_in_good_order_after_its_chunks(
    simulator: Simulator, door: Door
) -> None:
    simulator.fault(kind="truncate", after_chunks=4)
    _status, got, ended = call(simulator, door, stream=True)
    assert ended
    assert len(door.events(got)) == 4
    assert simulator.line()["delivered"] == "broken"


@DOOR
def test_a_fault_beyond_the_end_withholds_the_last_event(simulator: Simulator, door: Door) -> None:
    whole = door.events(call(simulator, door, stream=True)[1])
    simulator.fault(kind="truncate", after_chunks=10_000)
    cut = door.events(call(simulator, door, stream=True)[1])
    assert len(cut) == len(whole) - 1
    assert [line["completion_tokens"] for line in simulator.lines(2)] == [4, 4]


@DOOR
@pytest.mark.parametrize("kind", ["malformed", "truncate"])
def test_half_a_body_arrives_where_nothing_is_streamed(
    simulator: Simulator, door: Door, kind: str
) -> None:
    simulator.fault(kind=kind)
    _status, got, ended = call(simulator, door, stream=False)
    assert ended
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)
    assert simulator.line()["delivered"] == "broken"


@pytest.mark.parametrize("door", DOORS[:2], ids=lambda door: door.protocol)
def test_one_malformed_event_stands_among_sound_ones(simulator: Simulator, door: Door) -> None:
    whole = door.events(call(simulator, door, stream=True)[1])
    simulator.fault(kind="malformed", after_chunks=3)
    events = door.events(call(simulator, door, stream=True)[1])
    # Anthropic's event names are cut off with the data, so its event may vanish whole.
    broken = [event for event in events if event != "[DONE]" and not event.endswith("}")]
    assert len(broken) + len(whole) - len(events) == 1
    assert simulator.lines(2)[1]["delivered"] == "broken"


def test_a_malformed_frame_has_a_wrong_checksum(simulator: Simulator) -> None:
    simulator.fault(kind="malformed", after_chunks=1)
    _status, got, _ended = call(simulator, DOORS[2], stream=True)
    with pytest.raises(ChecksumMismatch):
        frames(got)


@DOOR
@STREAM
def test_wrong_usage_is_reported_and_not_booked(
    simulator: Simulator, door: Door, *, stream: bool
) -> None:
    simulator.fault(kind="usage", value={"surprise": "ten"})
    body = door.body(stream)
    if door.protocol == "openai-chat" and stream:
        body["stream_options"] = {"include_usage": True}
    answer = simulator.control.post(door.path(stream), json=body, headers=door.headers)
    assert b'{"surprise":"ten"}' in answer.content
    assert simulator.line()["completion_tokens"] == 4


@DOOR
def test_an_error_event_ends_a_stream_in_the_protocols_shape(
    simulator: Simulator, door: Door
) -> None:
    simulator.fault(kind="error_event", after_chunks=4, status=503)
    _status, got, ended = call(simulator, door, stream=True)
    events = door.events(got)
    assert ended
    assert len(events) == 5
    assert simulator.line()["delivered"] == "broken"
    assert simulator.line()["completion_tokens"] < 4
    expected: dict[str, Callable[[Any], bool]] = {
        "openai-chat": lambda e: json.loads(e)["error"]["type"] == "server_error",
        "anthropic-messages": lambda e: json.loads(e)["error"]["type"] == "api_error",
        "bedrock-converse": lambda e: e[":exception-type"] == "serviceUnavailableException",
    }
    assert expected[door.protocol](events[-1])


@DOOR
def test_an_error_event_is_an_error_where_nothing_is_streamed(
    simulator: Simulator, door: Door
) -> None:
    simulator.fault(kind="error_event", status=503)
    assert call(simulator, door, stream=False)[0] == 503
    assert simulator.books()["lines"] == []


def test_the_stock_sdks_raise_an_error_event(
    simulator: Simulator, openai: OpenAI, anthropic: Anthropic
) -> None:
    simulator.fault(kind="error_event", after_chunks=2, times=2, status=529)
    with pytest.raises(openai_sdk.APIError, match="529"):
        chunks(openai, TEXT)
    with pytest.raises(anthropic_sdk.APIStatusError) as raised:
        streamed(anthropic, TEXT)
    assert raised.value.type == "overloaded_error"


def test_a_fault_for_one_protocol_spares_the_others(simulator: Simulator) -> None:
    simulator.fault(kind="status", status=500, match={"protocol": "bedrock-converse"})
    answers = [call(simulator, door, stream=False)[0] for door in DOORS]
    assert answers == [200, 200, 500]


def test_counting_tokens_suffers_no_fault(simulator: Simulator) -> None:
    simulator.fault(kind="status", status=500)
    body = {"model": "claude-haiku-5-5", "messages": _messages(False)}
    counted = simulator.message(body, "/v1/messages/count_tokens")
    assert counted.status_code == 200
    assert call(simulator, DOORS[1], stream=False)[0] == 500
