"""The local AWS's side of a connection, which stays open between calls as AWS's does.

werkzeug closes a connection after each answer, as it cannot know whether the request was read to
its end. Here it is read first: one that is cut off, as by the end of the process that sent it, is
never carried out. A connection and a thread for every call cost as much as what moto does in it.
"""

from __future__ import annotations

import io
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Answering(Protocol):
    """Answers requests whose body has been read."""

    def answer(self, environ: WSGIEnvironment) -> Response:
        """Answer one request."""


class Connection(MotoRequestHandler):  # type: ignore[misc] # moto is not typed
    """Reads requests whole and asks the server's application, an :class:`Answering`."""

    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece, and does not wait for the acknowledgement of the one before.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Have the body sent at once."""
        self.send_response_only(HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        try:
            body = _body(environ)
        except EOFError:
            self.close_connection = True
        except (OSError, ValueError) as error:
            self.close_connection = True
            self._send(Response(f"the body cannot be read: {error}", HTTPStatus.BAD_REQUEST))
        else:
            environ["wsgi.input"] = io.BytesIO(body)
            self._send(self._answer(environ))

    def _answer(self, environ: WSGIEnvironment) -> Response:
        try:
            return cast("Answering", self.server.app).answer(environ)
        except Exception:  # noqa: BLE001 - a defect of ours is told, and ends one call only
            traceback.print_exc()
            return Response("the local AWS failed", HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send(self, response: Response) -> None:
        is_bodiless = response.status_code in BODILESS
        body = b"" if is_bodiless else response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if not (is_bodiless and name.lower() == "content-length"):
                self.send_header(name, value)
        # The answer to HEAD names the length of what it leaves out.
        if not is_bodiless and "content-length" not in response.headers:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, *_: Any) -> None:
        """Log nothing: the programs that call are the ones that log."""


def _body(environ: WSGIEnvironment) -> bytes:
    """Return the whole body; raises ``EOFError`` for one cut off, or why it cannot be read."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated", False):
        chunks: bytes = stream.read()
        return chunks
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length < 0:
        raise ValueError("its length is below zero")
    body: bytes = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body
