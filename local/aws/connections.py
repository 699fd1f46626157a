"""The local AWS's side of a connection, which stays open between calls as AWS's does.

werkzeug closes a connection after each answer, as it cannot know whether the request was read to
its end. Here it always is, before it is answered. A connection and a thread for every call cost as
much as all that moto does in one.
"""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Connection(MotoRequestHandler):  # type: ignore[misc] # moto is not typed
    """Reads requests whole and asks the server's application, a :class:`local.aws.server.Door`."""

    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece, and does not wait for the acknowledgement of the one before.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        _read_body(environ)
        answer = cast("Callable[[WSGIEnvironment], Response]", self.server.app.answer)
        try:
            response = answer(environ)
        except Exception:  # noqa: BLE001 - a defect of ours is told, and ends one call only
            traceback.print_exc()
            response = Response("the local AWS failed", HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(response)

    def _send(self, response: Response) -> None:
        body = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            self.send_header(name, value)
        # The answer to HEAD names the length of what it leaves out.
        if "content-length" not in response.headers and response.status_code not in BODILESS:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, *_: Any) -> None:
        """Log nothing: the programs that call are the ones that log."""


def _read_body(environ: WSGIEnvironment) -> None:
    stream = environ["wsgi.input"]
    is_chunked = environ.get("wsgi.input_terminated", False)
    length = -1 if is_chunked else int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(stream.read(length))
