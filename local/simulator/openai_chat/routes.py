"""Where OpenAI's chat protocol is served: one path prefix for each provider that speaks it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from local.simulator.answering import choices, pause_of
from local.simulator.books import Sale, fingerprint
from local.simulator.desk import desk_of
from local.simulator.openai_chat import errors
from local.simulator.openai_chat.ask import read_ask
from local.simulator.openai_chat.caching import refuse_cache_fields
from local.simulator.openai_chat.dialects import DIALECTS
from local.simulator.openai_chat.prompt import read_prompt
from local.simulator.openai_chat.request import read_body
from local.simulator.openai_chat.wire import ChatWire
from local.simulator.schema_values import UnsatisfiableSchemaError
from local.simulator.serving import Reply, accept

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.answering import Ask
    from local.simulator.pieces import Choice

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
    desk, dialect = desk_of(request), DIALECTS[provider]
    at, raw = await desk.arrival(request)
    key = fingerprint(_key(request))
    body, plain = read_body(raw)
    model = desk.prices.find(provider, body.model)
    if model is None:
        raise errors.no_such_model(body.model)
    refuse_cache_fields(body, model)
    if body.thinking is not None and not dialect.switches_thinking:
        raise errors.unknown("thinking")
    prompt = read_prompt(body, model.cache)
    ask = read_ask(body, plain, model, prompt, dialect)
    said = _choices(ask)
    sale = Sale(at, key, key, model, "openai-chat", stream=bool(body.stream))
    order = accept(desk, sale, prompt, said, pause_of(ask), errors.ApiError)
    usage = order.reported(dialect.usage(order.usage()))
    wire = ChatWire(uuid4().hex, int(at), body, model, dialect, said, usage)
    return Reply(desk, order, wire, errors.ApiError)


async def models(request: Request, provider: str) -> Response:
    """List the provider's models; raises :class:`errors.ApiError`."""
    desk = desk_of(request)
    await desk.arrival(request)
    _key(request)
    rows = [
        {"id": model.id, "object": "model", "created": MODEL_CREATED, "owned_by": provider}
        for model in desk.prices.of(provider)
    ]
    return Response(
        msgspec.json.encode({"object": "list", "data": rows}), media_type="application/json"
    )


def _choices(ask: Ask) -> tuple[Choice, ...]:
    try:
        return choices(ask)
    except UnsatisfiableSchemaError as error:
        raise errors.invalid("schema", str(error)) from error


def _key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.missing_key()
    if not key.startswith(KEY_PREFIX):
        raise errors.wrong_key()
    return key
