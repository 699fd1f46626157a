"""What ``sluice ask`` leaves behind."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer

from cli.ask import Question, ask_many, ask_one
from cli.connection import Gateway

QUESTION = Question("What is a weir?", "auto")


class Refusing(BaseHTTPRequestHandler):
    """Refuses every call, on a connection that is kept open."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"error": {"message": "spent", "type": "budget_exceeded"}}'
        self.send_response(402)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever).start()
        yield Gateway(f"http://127.0.0.1:{server.server_port}", "slc_dev_demo_x")
        server.shutdown()


@pytest.mark.parametrize(
    "ask",
    [
        lambda gateway: ask_one(gateway, QUESTION, as_json=False),
        lambda gateway: ask_many(gateway, [QUESTION] * 3, as_json=True, parallel=2),
    ],
    ids=["one", "many"],
)
def test_a_refused_question_leaves_no_socket_open(
    gateway: Gateway, ask: Callable[[Gateway], None]
) -> None:
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(typer.Exit):
            ask(gateway)
        gc.collect()
    assert [str(each.message) for each in caught] == []
