from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from werkzeug.test import EnvironBuilder

from local.aws import ADMIN_ACCESS_KEY
from local.aws.server import Door

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SIGNED = f"AWS4-HMAC-SHA256 Credential={ADMIN_ACCESS_KEY}/20261122/us-east-1/dynamodb/aws4_request"


class Room:
    """A WSGI application that notes how many requests it ever held at once."""

    def __init__(self) -> None:
        self.inside = self.most = self.served = 0

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.005)
        self.inside -= 1
        self.served += 1
        start("200 OK", [])
        return [environ["wsgi.input"].read()]


def ask(door: Door, **headers: str) -> Any:
    asked = EnvironBuilder(method="POST", data=b"body", headers=[*headers.items()])
    return door.answer(asked.get_environ())


def test_one_request_at_a_time_passes_the_door() -> None:
    room = Room()
    door = Door(room, time.time)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: ask(door, Authorization=SIGNED), range(16)))
    assert (room.most, room.served) == (1, 16)


def test_the_body_passes_the_door_unchanged() -> None:
    assert ask(Door(Room(), time.time), Authorization=SIGNED).data == b"body"


def test_nobody_unsigned_passes_the_door() -> None:
    room = Room()
    answer = ask(Door(room, time.time))
    assert answer.status_code == 400
    assert answer.get_json(force=True)["__type"] == "UnrecognizedClientException"
    assert room.served == 0
