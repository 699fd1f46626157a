"""Where webhooks go on this machine: an inbox that keeps what was posted and can be told to fail.

A function posts to ``<control server>/inbox/<name>`` as it would to a chat service.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.clock import Clock

KEPT = 1000
MOST_BYTES = 1024 * 1024
MOST_SECONDS = 60.0
OK = 200


@dataclass(frozen=True)
class Delivered:
    """One post: to which name, at the world's time in epoch seconds, and what was answered."""

    name: str
    at: float
    headers: dict[str, str]
    body: str
    answered: int

    def shown(self) -> dict[str, object]:
        """Return it as JSON shows it, a body that is JSON as what it says too."""
        return {"kind": "webhook", **vars(self), "json": _parsed(self.body)}


@dataclass
class Failure:
    """How the next posts to a name go wrong: the status, the delay in seconds, how often."""

    status: int
    seconds: float
    times: int


@dataclass
class WebhookInbox:
    """Every webhook that was posted, oldest first."""

    clock: Clock
    delivered: deque[Delivered] = field(default_factory=lambda: deque(maxlen=KEPT))
    _failures: dict[str, Failure] = field(default_factory=dict)

    async def post(self, request: Request) -> Response:
        """Keep one post and answer it, well or as told."""
        name = request.path_params["name"]
        body = (await request.body())[:MOST_BYTES]
        failure = self._next_failure(name)
        if failure is not None:
            await asyncio.sleep(failure.seconds)
        status = failure.status if failure else OK
        self.delivered.append(
            Delivered(
                name=name,
                at=self.clock(),
                headers=dict(request.headers),
                body=body.decode("utf-8", errors="replace"),
                answered=status,
            )
        )
        return JSONResponse({"ok": status < 300}, status)

    def fail(self, given: Any) -> object:
        """Make the next posts to a name fail; raises ``ValueError`` naming a wrong field."""
        name, failure = _failure(given)
        self._failures[name] = failure
        return {"name": name, **vars(failure)}

    def _next_failure(self, name: str) -> Failure | None:
        failure = self._failures.get(name)
        if failure is None or failure.times == 0:
            return None
        failure.times -= 1
        return failure


def _failure(given: Any) -> tuple[str, Failure]:
    fields: dict[str, tuple[Callable[[Any], bool], str]] = {
        "name": (lambda v: isinstance(v, str) and bool(v), "a text"),
        "status": (lambda v: _is_whole(v) and 200 <= v < 600, "a status from 200 to 599"),
        "seconds": (lambda v: _is_number(v) and 0 <= v <= MOST_SECONDS, "from 0 to 60"),
        "times": (lambda v: _is_whole(v) and 0 <= v <= KEPT, "a whole number"),
    }
    if not isinstance(given, dict) or "name" not in given or given.keys() - fields.keys():
        raise ValueError("the body has name, and may have status, seconds and times")
    values = {"status": 500, "seconds": 0.0, "times": 1, **given}
    for key, (fits, wanted) in fields.items():
        if not fits(values[key]):
            raise ValueError(f"{key} must be {wanted}")
    return values["name"], Failure(values["status"], float(values["seconds"]), values["times"])


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
