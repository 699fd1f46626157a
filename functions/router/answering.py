"""What all doors that ask models do alike: check, answer, translate back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from functions.router import seldom
from functions.router.errors import ErrorShape, id_headers
from functions.router.reading import (
    deadline,
    decode_object,
    idempotency_key,
    presented_key,
    read_body,
    single_headers,
)
from shared.domain.api_keys import PresentedKey
from shared.domain.controls import BODY_FIELD, HEADER_PREFIX, read_controls
from shared.domain.entries import Door
from shared.domain.errors import InvalidRequest
from shared.domain.formats import Format
from shared.usecases.calls import Call, ModelRequest, StreamReply
from shared.usecases.relay import Relay
from shared.wiring.router import Router


@dataclass(frozen=True)
class ModelDoor:
    """One route that asks models: its wire format, its schema and its errors."""

    name: Door
    format: Format
    parse: Callable[[dict[str, Any]], ModelRequest]
    errors: ErrorShape


async def answer(request: Request, router: Router, request_id: str, door: ModelDoor) -> Response:
    """Check a request, answer it, and translate the answer back."""
    call = await checked_call(request, router, request_id, door)
    if call.answer_by is not None:
        return await seldom.accept_job(router, call)
    reply = await router.answer(call)
    headers = note_headers(reply.notes) | id_headers(request_id)
    if isinstance(reply, StreamReply):
        return RelayResponse(reply.relay, headers)
    return Response(reply.body, media_type="application/json", headers=headers)


async def checked_call(request: Request, router: Router, request_id: str, door: ModelDoor) -> Call:
    """Read and check a request; only a confirmed caller is told what is wrong with it."""
    key = presented_key(request)
    try:
        body = await read_body(request, router.settings.body_limit_bytes)
        return _checked(request, router, request_id, door, key, body)
    except InvalidRequest:
        await router.admission.confirm(key)
        raise


def note_headers(notes: dict[str, str]) -> dict[str, str]:
    """Return the notes of an answer as ``x-sluice-*`` headers."""
    return {HEADER_PREFIX + name.replace("_", "-"): value for name, value in notes.items()}


class RelayResponse(StreamingResponse):
    """A stream that tells its relay when the caller is gone, at whatever point that was."""

    def __init__(self, relay: Relay, headers: dict[str, str]) -> None:
        super().__init__(
            relay.frames(),
            media_type="text/event-stream",
            headers=headers | {"cache-control": "no-cache"},
        )
        self._relay = relay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._relay.abandon()


def _checked(
    request: Request,
    router: Router,
    request_id: str,
    door: ModelDoor,
    key: PresentedKey,
    body: bytes,
) -> Call:
    decoded: dict[str, Any] = decode_object(body)
    now = router.clock()
    controls = read_controls(single_headers(request), decoded.pop(BODY_FIELD, None))
    wait = controls.deadline_seconds
    return Call(
        request_id=request_id,
        started_at=now,
        deadline=deadline(request, now),
        door=door.name,
        format=door.format,
        key=key,
        body=decoded,
        request=door.parse(decoded),
        controls=controls,
        render_error=partial(door.errors.frame, request_id=request_id),
        idempotency_key=idempotency_key(request),
        answer_by=None if wait is None else now + wait,
    )
