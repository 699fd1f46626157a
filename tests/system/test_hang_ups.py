"""A caller who hangs up, at whatever moment, is settled and the answer cached all the same.

The front door stops the router's process as soon as its answer has ended, as Lambda freezes an
environment: what is not settled by then is never settled.
"""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.system.conftest import Stack, until
from tests.system.doors import PATHS, DoorName, body_of

DONE = {"chat": b"[DONE]", "messages": b"message_stop"}
"""What ends a stream of each door."""
DELTA = {"chat": b'"delta"', "messages": b"content_block_delta"}
WORD = {"chat": b'"content":" ', "messages": b'"text":" '}
"""What a later word of an answer begins with."""

each_way = pytest.mark.parametrize(
    ("door", "model"),
    [("chat", "gpt-6.1-terra"), ("messages", "gpt-6.1-terra"), ("messages", "claude-haiku-5-5")],
)
"""As the provider says it, and translated."""


@contextmanager
def request_sent(stack: Stack, door: DoorName, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a request over a bare connection, which is closed when the block is left."""
    place = urlsplit(stack.base_url + PATHS[door])
    raw = json.dumps(body).encode()
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: Bearer {stack.world.api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(head.encode() + raw)
        yield connection


def read_until(connection: socket.socket, marker: bytes) -> bytes:
    got = b""
    while marker not in got:
        piece = connection.recv(4096)
        assert piece, f"the stream ended before {marker!r}"
        got += piece
    return got


def rows_since(stack: Stack, begun: float, feature: str) -> list[dict[str, Any]]:
    return [row for row in stack.usage_rows(since=begun) if row.get("feature") == feature]


def settled_row(stack: Stack, begun: float, feature: str) -> dict[str, Any] | None:
    rows = rows_since(stack, begun, feature)
    return rows[0] if rows and rows[0]["status"] == "answered" else None


def is_cached(stack: Stack, door: DoorName, body: dict[str, Any]) -> bool:
    response = httpx2.post(
        stack.base_url + PATHS[door],
        json={**body, "stream": False},
        headers={"authorization": f"Bearer {stack.world.api_key}"},
        trust_env=False,
        timeout=120,
    )
    return response.headers["x-sluice-cache"] == "hit"


def request_body(
    door: DoorName, model: str, feature: str, *, stream: bool, words: str = "[slow 10] [long 30]"
) -> dict[str, Any]:
    controls = {"feature": feature}
    return body_of(door, model, f"{words} {feature}", stream=stream, sluice=controls)


@each_way
@pytest.mark.parametrize(
    ("stream", "moment"),
    [
        (True, None),
        (False, None),
        (True, "headers"),
        (True, "token"),
        (True, "end"),
    ],
    ids=["before the headers", "before a whole answer", "at the headers", "at the first token",
         "at the end"],
)  # fmt: skip
def test_a_hang_up_is_settled_and_cached(
    stack: Stack, door: DoorName, model: str, stream: bool, moment: str | None
) -> None:
    feature, begun = f"hang-up-{uuid.uuid4()}", stack.now()
    body = request_body(door, model, feature, stream=stream)
    billed = stack.bill_nano()
    with request_sent(stack, door, body) as connection:
        if moment is None:
            until(lambda: rows_since(stack, begun, feature))
        else:
            markers = {"headers": b"HTTP/1.1 200", "token": DELTA[door], "end": DONE[door]}
            read_until(connection, markers[moment])
    row = until(lambda: settled_row(stack, begun, feature))
    assert row["usage_source"] == "provider"
    assert row["cost_nano"] == stack.bill_nano() - billed > 0
    assert is_cached(stack, door, body)


@each_way
def test_the_row_is_settled_when_the_end_arrives_not_after(
    stack: Stack, door: DoorName, model: str
) -> None:
    feature, begun = f"done-{uuid.uuid4()}", stack.now()
    body = request_body(door, model, feature, stream=True, words="[long 5]")
    with request_sent(stack, door, body) as connection:
        before = read_until(connection, DONE[door])
        assert settled_row(stack, begun, feature)
    assert before.index(b'"sluice"') < before.index(DONE[door])


@each_way
def test_tokens_flow_while_the_provider_is_still_speaking(
    stack: Stack, door: DoorName, model: str
) -> None:
    feature, begun = f"flow-{uuid.uuid4()}", stack.now()
    body = request_body(door, model, feature, stream=True, words="[slow 30] [long 40]")
    with request_sent(stack, door, body) as connection:
        read_until(connection, WORD[door])
        assert settled_row(stack, begun, feature) is None
        read_until(connection, DONE[door])
        assert settled_row(stack, begun, feature)
