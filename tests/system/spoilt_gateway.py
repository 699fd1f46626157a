"""The running stack behind a door that spoils one thing: what ``sluice smoke`` must notice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding"}


@dataclass
class Asked:
    """A request on its way to the stack; spoilers change it in place."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Told:
    """An answer on its way back."""

    status: int
    headers: dict[str, str]
    body: Iterator[bytes]


@dataclass(frozen=True)
class Spoiler:
    """What happens to requests and to answers; nothing, unless it is given."""

    request: Callable[[Asked], object] = lambda _: None
    answer: Callable[[Asked, Told], object] = lambda _, __: None
    refused: frozenset[str] = field(default_factory=frozenset)
    """Paths that are not served."""


@contextmanager
def spoilt(endpoint: str, spoiler: Spoiler) -> Iterator[str]:
    """Serve a spoilt gateway on loopback and yield its URL."""
    with (
        httpx2.Client(base_url=endpoint, trust_env=False, timeout=120) as client,
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(client, spoiler)) as server,
    ):
        worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        worker.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            worker.join()


def _handler(client: httpx2.Client, spoiler: Spoiler) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            if asked.path in spoiler.refused:
                self._tell(Told(404, {"content-type": "text/plain"}, iter([b"no such page"])))
                return
            spoiler.request(asked)
            self._pass_on(asked)

        do_POST = do_GET  # noqa: N815 - named by the base class

        def _pass_on(self, asked: Asked) -> None:
            with client.stream(
                asked.method, asked.path, headers=asked.headers, content=asked.body
            ) as answer:
                headers = {k: v for k, v in answer.headers.items() if k not in HOP_BY_HOP}
                told = Told(answer.status_code, headers, answer.iter_raw())
                spoiler.answer(asked, told)
                self._tell(told)

        def _tell(self, told: Told) -> None:
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in told.body:
                self.wfile.write(piece)
                self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
