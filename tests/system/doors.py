"""The two doors as a bare HTTP caller meets them, and the stock SDKs as judges of the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from tests.contracts.stock_sdks import Judges
from tests.system.conftest import Stack

DoorName = Literal["chat", "messages"]
PATHS = {"chat": "/chat/completions", "messages": "/messages"}
NAMES = {
    429: ("upstream_rate_limited", "rate_limit_error"),
    502: ("upstream_failed", "api_error"),
    504: ("upstream_timed_out", "timeout_error"),
}
"""What a failure is called in OpenAI's ``code`` and in Anthropic's ``type``."""


@dataclass(frozen=True)
class Heard:
    """What a caller heard; ``sees`` tells it in the words of ``fault_table``."""

    sees: str
    headers: dict[str, str]

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


def body_of(door: DoorName, model: str, text: str, **fields: Any) -> dict[str, Any]:
    """Return a request; Anthropic's door demands a limit, OpenAI's has none here."""
    limit = {"max_tokens": 500} if door == "messages" else {}
    return {"model": model, "messages": [{"role": "user", "content": text}], **limit, **fields}


def call(stack: Stack, door: DoorName, body: dict[str, Any], **headers: str) -> Heard:
    """Post a body and check the shape of whatever comes back."""
    response = stack.control.post(
        stack.base_url + PATHS[door],
        json=body,
        headers={"x-api-key": stack.world.api_key, **headers},
    )
    told = dict(response.headers)
    if response.status_code != 200:
        check_error(door, response.json(), response.status_code, told)
        return Heard(str(response.status_code), told)
    if body.get("stream"):
        return _streamed(door, response.text, told)
    _check_answer(door, [response.json()], stream=False)
    return Heard("answer", told)


def _streamed(door: DoorName, text: str, headers: dict[str, str]) -> Heard:
    events = _events(door, text)
    if "error" not in events[-1]:
        _check_answer(door, events, stream=True)
        return Heard("answer", headers)
    status = _status(door, events[-1])
    check_error(door, events[-1], status, headers)
    return Heard(f"200 then {status}", headers)


def _events(door: DoorName, text: str) -> list[dict[str, Any]]:
    """Return the events of a stream, having checked that it ends as its door's streams do."""
    frames = [frame for frame in text.split("\n\n") if frame and not frame.startswith(":")]
    closing = frames.pop() if frames[-1] == "data: [DONE]" else None
    events: list[dict[str, Any]] = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    if door == "chat":
        assert (closing is None) == ("error" in events[-1])
        return events
    assert closing is None
    names = [frame.partition("\n")[0].removeprefix("event: ") for frame in frames]
    assert names == [event["type"] for event in events]
    assert names[-1] in {"message_stop", "error"}
    return events


def check_error(door: DoorName, body: dict[str, Any], status: int, headers: dict[str, str]) -> None:
    """Check the shape of an error of the provider and what it is called."""
    code, kind = NAMES[status]
    error = body["error"]
    if door == "chat":
        assert body.keys() == {"error"}
        assert error.keys() == {"message", "type", "param", "code", "request_id"}
        assert (error["code"], error["request_id"]) == (code, headers["x-request-id"])
    else:
        assert body.keys() == {"type", "error", "request_id"}
        assert error.keys() == {"type", "message"}
        assert (body["type"], error["type"]) == ("error", kind)
        assert body["request_id"] == headers["request-id"]
    assert error["message"]


def _status(door: DoorName, body: dict[str, Any]) -> int:
    told = body["error"]["code" if door == "chat" else "type"]
    [status] = [status for status, names in NAMES.items() if told in names]
    return status


def _check_answer(door: DoorName, events: list[dict[str, Any]], *, stream: bool) -> None:
    """Show an answer to the door's stock SDK, which refuses what is off its schema."""
    judges = _judges()
    if door == "chat":
        _ = judges.chunks(events) if stream else judges.completion(events[0])
    else:
        _ = judges.events(events) if stream else judges.message(events[0])


@cache
def _judges() -> Judges:
    """Return the SDKs, made once: they are slow to make and speak to no network."""
    return Judges()
