"""Reads a request: its key, its bounded body, its JSON. Refuses before it parses."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request

from shared.domain.api_keys import MalformedKey, PresentedKey, read_key
from shared.domain.chat import MAX_DEPTH, is_deeper_than
from shared.domain.controls import HEADER_PREFIX
from shared.domain.errors import BodyTooLarge, InvalidRequest, Unauthorized

INVOCATION_SECONDS: Final = 900.0
"""How long an invocation may last where its context does not say when it ends."""
_LAMBDA_CONTEXT: Final = "x-amzn-lambda-context"


class _LambdaContext(msgspec.Struct):
    """When the invocation ends, in epoch milliseconds, under either name."""

    deadline: int | None = None
    deadline_ms: int | None = None


def presented_key(request: Request) -> PresentedKey:
    """Return the key of ``Authorization: Bearer`` or ``x-api-key``; raises ``Unauthorized``.

    Costs no AWS call. The text of the key goes no further than this function.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    text = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not text:
        raise Unauthorized("No key. Send `Authorization: Bearer <key>` or `x-api-key: <key>`.")
    try:
        return read_key(text)
    except MalformedKey:
        raise Unauthorized("This is not a Sluice key; keys start with slc_.") from None


def deadline(request: Request, now: float) -> float:
    """Return when the invocation ends, in epoch seconds, as the Web Adapter passes it on.

    The adapter overwrites the header, so a caller cannot choose the deadline.
    """
    try:
        told = request.headers.get(_LAMBDA_CONTEXT, "{}")
        context = msgspec.json.decode(told, type=_LambdaContext)
    except (msgspec.DecodeError, RecursionError):
        context = _LambdaContext()
    ends = context.deadline or context.deadline_ms
    return ends / 1000 if ends else now + INVOCATION_SECONDS


def idempotency_key(request: Request) -> str | None:
    """Return the caller's ``Idempotency-Key``; raises ``InvalidRequest`` for an unusable one."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= 255:
        raise InvalidRequest("It must have 1 to 255 characters.", param="Idempotency-Key")
    return key


def single_headers(request: Request) -> dict[str, str]:
    """Return the headers, refusing a control that is given twice with different values."""
    for name in request.headers:
        if name.startswith(HEADER_PREFIX) and len(set(request.headers.getlist(name))) > 1:
            raise InvalidRequest("This control is given twice.", param=name)
    return dict(request.headers)


async def read_body(request: Request, limit_bytes: int, instead: str = "") -> bytes:
    """Return the body, or raise ``BodyTooLarge`` as soon as it is known to be.

    ``instead`` says how more can be sent.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise InvalidRequest("Send the body uncompressed.", param="content-encoding")
    if _is_number_over(limit_bytes, request.headers.get("content-length", "")):
        raise BodyTooLarge(limit_bytes, instead)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit_bytes:
                raise BodyTooLarge(limit_bytes, instead)
    except ClientDisconnect:
        raise InvalidRequest("The body ended early.") from None
    return bytes(body)


def _is_number_over(limit: int, text: str) -> bool:
    """Tell whether a text is a number over a limit; Python reads no more than 4,300 digits."""
    if not (text.isascii() and text.isdigit()):
        return False
    return len(text.lstrip("0")) > len(str(limit)) or int(text) > limit


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raises ``InvalidRequest``."""
    try:
        decoded = msgspec.json.decode(body)
    except RecursionError:
        raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(decoded, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if is_deeper_than(decoded, MAX_DEPTH):
        raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return decoded
