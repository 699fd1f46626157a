"""``POST /v1/chat/completions``: the OpenAI chat door."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from functions.router.errors import error_frame, id_headers
from functions.router.reading import decode_object, presented_key, read_body
from shared.domain.api_keys import PresentedKey
from shared.domain.chat import parse_chat
from shared.domain.controls import BODY_FIELD, HEADER_PREFIX, read_controls
from shared.domain.errors import InvalidRequest
from shared.usecases.calls import ChatCall, StreamReply
from shared.usecases.relay import Relay
from shared.wiring import Router


async def chat_completions(request: Request, router: Router, request_id: str) -> Response:
    """Check the request, answer it, and translate the answer back."""
    key = presented_key(request)
    body = await read_body(request, router.settings.body_limit_bytes)
    try:
        call = _checked(request, router, request_id, key, body)
    except InvalidRequest:
        await router.admission.admit(key, None)  # only a confirmed caller is told what is wrong
        raise
    reply = await router.answer_chat(call)
    headers = note_headers(reply.notes) | id_headers(request_id)
    if isinstance(reply, StreamReply):
        return RelayResponse(reply.relay, headers)
    return Response(reply.body, media_type="application/json", headers=headers)


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
    request: Request, router: Router, request_id: str, key: PresentedKey, body: bytes
) -> ChatCall:
    decoded: dict[str, Any] = decode_object(body)
    controls = read_controls(request.headers, decoded.pop(BODY_FIELD, None))
    return ChatCall(
        request_id=request_id,
        started_at=router.clock(),
        key=key,
        body=decoded,
        request=parse_chat(decoded),
        controls=controls,
        render_error=partial(error_frame, request_id=request_id),
    )
