"""Where OpenAI's chat protocol is served: one path prefix for each provider that speaks it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from local.simulator.books import Sale, fingerprint
from local.simulator.desk import Desk, desk_of
from local.simulator.faults import Status
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.answer import choices, read_call
from local.simulator.openai_chat.reply import ChatReply
from local.simulator.openai_chat.request import read_body

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIXES = {
    "/v1": "openai",
    "/openai/v1": "openai",
    "/deepseek": "deepseek",
    "/deepseek/v1": "deepseek",
    "/xai/v1": "xai",
}
KEY_PREFIX = "sk-"
MODEL_CREATED = 1_788_220_800
"""2026-09-01, in epoch seconds, for every model: the real dates differ and nothing uses them."""


def routes() -> list[Route]:
    """Return the chat and model routes of every provider."""
    made = []
    for prefix, provider in PREFIXES.items():
        chat_here = partial(chat, provider=provider)
        models_here = partial(models, provider=provider)
        made.append(Route(f"{prefix}/chat/completions", chat_here, methods=["POST"]))
        made.append(Route(f"{prefix}/models", models_here, methods=["GET"]))
    return made


async def chat(request: Request, provider: str) -> ChatReply:
    """Answer a chat completions request; raises :class:`errors.ApiError`."""
    desk = desk_of(request)
    at = desk.clock.now()
    raw = await request.body()
    _note(desk, at, request, raw)
    key = _key(request)
    body, plain = read_body(raw)
    model = desk.prices.find(provider, body.model)
    if model is None:
        raise errors.no_such_model(body.model)
    call = read_call(body, plain, model)
    said = choices(call)
    fault = desk.faults.take(provider, model.id, stream=bool(body.stream))
    if isinstance(fault, Status):
        raise _scripted(fault)
    sale = Sale(at=at, key=fingerprint(key), model=model, stream=bool(body.stream))
    return ChatReply(desk.books, sale, call, said, fault)


async def models(request: Request, provider: str) -> Response:
    """List the provider's models; raises :class:`errors.ApiError`."""
    desk = desk_of(request)
    _note(desk, desk.clock.now(), request, b"")
    _key(request)
    rows = [
        {"id": model.id, "object": "model", "created": MODEL_CREATED, "owned_by": provider}
        for model in desk.prices.of(provider)
    ]
    return Response(
        msgspec.json.encode({"object": "list", "data": rows}), media_type="application/json"
    )


def _note(desk: Desk, at: float, request: Request, raw: bytes) -> None:
    desk.arrivals.note(at, request.method, request.url.path, request.headers.items(), raw)


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.missing_key()
    if not key.startswith(KEY_PREFIX):
        raise errors.wrong_key()
    return key


def _scripted(fault: Status) -> errors.ApiError:
    code = "rate_limit_exceeded" if fault.status == 429 else None
    message = f"The simulator was told to answer {fault.status}."
    return errors.ApiError(fault.status, message, code=code, retry_after=fault.retry_after)
