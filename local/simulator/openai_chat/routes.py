"""Where OpenAI's chat protocol is served: one path prefix for each provider that speaks it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from local.simulator.books import fingerprint
from local.simulator.desk import desk_of
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.order import Asked, take_order
from local.simulator.serving import Reply

if TYPE_CHECKING:
    from starlette.requests import Request

PREFIXES = {
    "/v1": "openai",
    "/openai/v1": "openai",
    "/deepseek": "deepseek",
    "/deepseek/v1": "deepseek",
    "/xai/v1": "xai",
    "/gemini/v1beta/openai": "gemini",
    "/qwen/compatible-mode/v1": "qwen",
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


async def chat(request: Request, provider: str) -> Reply:
    """Answer a chat completions request; raises :class:`errors.ApiError`."""
    desk = desk_of(request)
    at, raw = await desk.arrival(request)
    order, wire = take_order(desk, Asked(provider, fingerprint(key_of(request)), at), raw)
    return Reply(desk, order, wire, errors.ApiError)


async def models(request: Request, provider: str) -> Response:
    """List the provider's models; raises :class:`errors.ApiError`."""
    desk = desk_of(request)
    await desk.arrival(request)
    key_of(request)
    rows = [
        {"id": model.id, "object": "model", "created": MODEL_CREATED, "owned_by": provider}
        for model in desk.prices.of(provider)
    ]
    return Response(
        msgspec.json.encode({"object": "list", "data": rows}), media_type="application/json"
    )


def key_of(request: Request) -> str:
    """Return the caller's key; raises :class:`errors.ApiError`."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.missing_key()
    if not key.startswith(KEY_PREFIX):
        raise errors.wrong_key()
    return key
