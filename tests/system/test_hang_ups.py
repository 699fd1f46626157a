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


@contextmanager
def request_sent(stack: Stack, url: str, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a chat request over a bare connection, which is closed when the block is left."""
    place = urlsplit(url)
    raw = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {place.netloc}\r\n"
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


def settled_row(stack: Stack, feature: str) -> dict[str, Any] | None:
    rows = [row for row in stack.usage_rows() if row.get("feature") == feature]
    return rows[0] if rows and rows[0]["status"] == "answered" else None


def is_cached(stack: Stack, body: dict[str, Any]) -> bool:
    response = httpx2.post(
        stack.base_url + "/chat/completions",
        json={**body, "stream": False},
        headers={"authorization": f"Bearer {stack.world.api_key}"},
        trust_env=False,
        timeout=30,
    )
    return response.headers["x-sluice-cache"] == "hit"


def request_body(
    feature: str, *, stream: bool, words: str = "[slow 10] [long 30]"
) -> dict[str, Any]:
    return {
        "model": "mid",
        "stream": stream,
        "messages": [{"role": "user", "content": f"{words} {feature}"}],
        "sluice": {"feature": feature},
    }


@pytest.mark.parametrize(
    ("stream", "moment"),
    [
        (True, None),
        (False, None),
        (True, b"HTTP/1.1 200"),
        (True, b'"delta"'),
        (True, b"[DONE]"),
    ],
    ids=["before the headers", "before a whole answer", "at the headers", "at the first token",
         "at DONE"],
)  # fmt: skip
def test_a_hang_up_is_settled_and_cached(stack: Stack, stream: bool, moment: bytes | None) -> None:
    feature = f"hang-up-{uuid.uuid4()}"
    body = request_body(feature, stream=stream)
    billed = stack.bill_nano()
    with request_sent(stack, stack.world.endpoint, body) as connection:
        if moment is None:
            until(lambda: [r for r in stack.usage_rows() if r.get("feature") == feature])
        else:
            read_until(connection, moment)
    row = until(lambda: settled_row(stack, feature))
    assert row["usage_source"] == "provider"
    assert row["cost_nano"] == stack.bill_nano() - billed > 0
    assert is_cached(stack, body)


def test_the_row_is_settled_when_done_arrives_not_after(stack: Stack) -> None:
    feature = f"done-{uuid.uuid4()}"
    body = request_body(feature, stream=True, words="[long 5]")
    with request_sent(stack, stack.world.endpoint, body) as connection:
        before = read_until(connection, b"[DONE]")
        assert settled_row(stack, feature)
    assert before.index(b'"sluice"') < before.index(b"[DONE]")


def test_tokens_flow_while_the_provider_is_still_speaking(stack: Stack) -> None:
    feature = f"flow-{uuid.uuid4()}"
    body = request_body(feature, stream=True, words="[slow 30] [long 40]")
    with request_sent(stack, stack.world.endpoint, body) as connection:
        read_until(connection, b'"content"')
        assert settled_row(stack, feature) is None
        read_until(connection, b"[DONE]")
        assert settled_row(stack, feature)
