"""Requests on one connection of the local AWS, byte by byte: each its own answer, or none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Response

from local.aws.server import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

AGAIN = b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n"


class Room:
    """Answers with what was asked, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def answer(self, environ: WSGIEnvironment) -> Response:
        path, body = environ["PATH_INFO"], environ["wsgi.input"].read()
        self.asked.append((path, body))
        if path == "/breaks":
            raise RuntimeError("a defect")
        status = {"/none": 204, "/same": 304}.get(path, 200)
        return Response(f"{path} {body.decode()}", status)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def port(room: Room) -> Iterator[int]:
    server = serving(room)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def said(port: int, *sent: bytes) -> bytes:
    """Send, hang up for sending, and return all that is answered until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(b"".join(sent))
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def post(path: str, *lines: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines])
    return head.encode() + b"\r\n\r\n" + body


def answers(text: bytes) -> list[tuple[int, bytes]]:
    """Split what a connection brought into statuses and bodies, by the lengths that it states."""
    found = []
    while text:
        head, _, rest = text.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        found.append((int(status.split()[1]), rest[:length]))
        text = rest[length:]
    return found


CHUNKED = post("/c", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (post("/a", "Content-Length: 4", body=b"body"), [(200, b"/a body")]),
        (CHUNKED, [(200, b"/c abcde")]),
        (post("/none"), [(204, b"")]),
        (post("/same"), [(304, b"")]),
        (post("/breaks"), [(500, b"the local AWS failed")]),
        (
            post("/e", "Expect: 100-continue", "Content-Length: 2", body=b"ok"),
            [(100, b""), (200, b"/e ok")],
        ),
    ],
    ids=["whole", "chunked", "204", "304", "a defect", "expected"],
)
def test_the_next_request_on_a_connection_gets_its_own_answer(
    port: int, request_bytes: bytes, expected: list[tuple[int, bytes]]
) -> None:
    assert answers(said(port, request_bytes, AGAIN)) == [*expected, (200, b"/again ")]


def test_the_answer_to_head_states_a_length_and_has_no_body(port: int) -> None:
    text = said(port, b"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n", AGAIN)
    head, _, rest = text.partition(b"\r\n\r\n")
    assert b"Content-Length: 3" in head
    assert answers(rest) == [(200, b"/again ")]


def test_a_request_that_is_cut_off_is_never_carried_out(port: int, room: Room) -> None:
    assert said(port, post("/put", "Content-Length: 10", body=b"half")) == b""
    assert room.asked == []


@pytest.mark.parametrize(
    "unreadable",
    [
        post("/a", "Content-Length: zz", body=b"body"),
        post("/a", "Content-Length: -1", body=b"body"),
        post("/a", "Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),
    ],
    ids=["no number", "below zero", "no chunk"],
)
def test_a_body_that_cannot_be_read_is_refused_and_ends_the_connection(
    port: int, room: Room, unreadable: bytes
) -> None:
    [(status, told)] = answers(said(port, unreadable, AGAIN))
    assert (status, told[:25]) == (400, b"the body cannot be read: ")
    assert room.asked == []
