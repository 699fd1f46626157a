"""The door in front of moto: one request at a time, and none without leave."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

import msgspec
from moto.core.request import Request
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from local.aws import DENIALS_PATH, EXPIRY_PATH, NOTIFICATIONS_PATH, QUEUE_DEPTHS_PATH
from local.aws.connections import Answering, Connection
from local.aws.expiry import delete_expired
from local.aws.guard import Guard
from local.aws.moto_event_patches import apply_moto_event_patches
from local.aws.moto_patches import apply_moto_patches
from local.aws.outbox import OUTBOX
from local.aws.queue_depths import queue_depths
from local.botocore_data import share_botocore_data
from shared.clock import Clock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


def make_local_aws(port: int, clock: Clock) -> BaseWSGIServer:
    """Return a server bound to loopback, not yet serving; port 0 takes any free port."""
    share_botocore_data()
    apply_moto_patches()
    apply_moto_event_patches(clock)
    door = Door(DomainDispatcherApplication(create_backend_app), clock)
    return serving(door, port)


def serving(door: Answering, port: int = 0) -> BaseWSGIServer:
    """Return a server of loopback connections whose requests a door answers."""
    # werkzeug keeps it for its handler, which is ours: nobody calls it as an application.
    app = cast("WSGIApplication", door)
    return make_server("127.0.0.1", port, app, threaded=True, request_handler=Connection)


class Door:
    """Stands around a WSGI application that only one request at a time may enter.

    moto checks a condition and writes afterwards with nothing in between to keep other threads
    out: under load, 50 permitted grants became 61 to 161. The lock is held over the whole
    request, permission check included, so every call is atomic as it is on DynamoDB.
    """

    def __init__(self, inner: WSGIApplication, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._guard = Guard()
        self._lock = threading.Lock()

    def answer(self, environ: WSGIEnvironment) -> Response:
        """Answer one request whose body has been read: a slow sender holds up nobody."""
        with self._lock:
            return self._answer(environ)

    def _answer(self, environ: WSGIEnvironment) -> Response:
        path = environ["PATH_INFO"]
        if path == DENIALS_PATH:
            return _json(self._guard.denials())
        if path == NOTIFICATIONS_PATH:
            return _json(OUTBOX.after(_number(environ["QUERY_STRING"], "after")))
        if path == QUEUE_DEPTHS_PATH:
            return _json(queue_depths(self._clock))
        if path == EXPIRY_PATH:
            return _json({"deleted": _expire(environ["QUERY_STRING"])})
        if path.startswith(("/moto-api", "/latest/")):
            # moto's own back doors, which ask for no credentials.
            return Response("not served by the local AWS", status=404)
        refusal = self._guard.check(Request(environ))
        environ["wsgi.input"].seek(0)
        if refusal is None:
            return Response.from_app(self._inner, environ, buffered=True)
        return Response(
            refusal.body,
            status=refusal.status,
            content_type=refusal.content_type,
            headers=refusal.headers,
        )


def _expire(query: str) -> int:
    given = parse_qs(query)
    return delete_expired(given["table"][-1], given["attribute"][-1], _number(query, "before"))


def _number(query: str, name: str) -> int:
    given = parse_qs(query).get(name, ["0"])[-1]
    return int(given) if given.isdecimal() else 0


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), content_type="application/json")
