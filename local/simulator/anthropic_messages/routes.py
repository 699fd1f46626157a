"""Where Anthropic's protocol is served: under ``/anthropic`` and, for messages, at the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from local.simulator.anthropic_messages import errors
from local.simulator.anthropic_messages.order import PROVIDER, model_of, take_order
from local.simulator.anthropic_messages.prompt import read_prompt
from local.simulator.anthropic_messages.request import read_count, read_messages
from local.simulator.anthropic_messages.turns import check
from local.simulator.books import fingerprint
from local.simulator.desk import desk_of
from local.simulator.serving import Reply

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.prices import Model

KEY_PREFIX = "sk-"
CREATED_AT = "2026-09-01T00:00:00Z"
"""For every model: the real dates differ and nothing uses them."""


def routes() -> list[Route]:
    """Return the routes; ``/v1/models`` at the root is OpenAI's."""
    made = [Route("/anthropic/v1/models", models, methods=["GET"])]
    for prefix in ("", "/anthropic"):
        made.append(Route(f"{prefix}/v1/messages", messages, methods=["POST"]))
        made.append(Route(f"{prefix}/v1/messages/count_tokens", count, methods=["POST"]))
    return made


async def messages(request: Request) -> Reply:
    """Answer a Messages request; raises :class:`errors.MessagesError`."""
    desk = desk_of(request)
    at, raw = await desk.arrival(request)
    key = fingerprint(key_of(request))
    order, wire = take_order(desk, key, at, read_messages(raw))
    return Reply(desk, order, wire, errors.MessagesError)


async def count(request: Request) -> Response:
    """Answer ``{"input_tokens": N}``, free of charge; raises :class:`errors.MessagesError`."""
    desk = desk_of(request)
    _at, raw = await desk.arrival(request)
    key_of(request)
    body = read_count(raw)
    model_of(desk, body.model)
    check(body, None, errors.invalid)
    return _json({"input_tokens": read_prompt(body).tokens})


async def models(request: Request) -> Response:
    """List the models on one page; raises :class:`errors.MessagesError`."""
    desk = desk_of(request)
    await desk.arrival(request)
    key_of(request)
    rows = [_model_row(model) for model in desk.prices.of(PROVIDER)]
    ids = [row["id"] for row in rows]
    return _json({"data": rows, "has_more": False, "first_id": ids[0], "last_id": ids[-1]})


def _model_row(model: Model) -> dict[str, object]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": CREATED_AT,
        "lifecycle": "active",
    }


def key_of(request: Request) -> str:
    """Return the key: from ``x-api-key``, or a bearer token, as anthropic 2.8 sends it."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = request.headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")
    if not key:
        raise errors.MessagesError(401, "x-api-key header is required")
    if not key.startswith(KEY_PREFIX):
        raise errors.MessagesError(401, "invalid x-api-key")
    if not request.headers.get("anthropic-version"):
        raise errors.invalid("anthropic-version", "header is required")
    return key


def _json(value: object) -> Response:
    headers = {"request-id": errors.new_request_id()}
    return Response(msgspec.json.encode(value), 200, headers, media_type="application/json")
