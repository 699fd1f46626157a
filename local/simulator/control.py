"""Routes for tests and the local world, outside every provider's protocol.

``GET  /_control/books?since=SEQ``     lines above SEQ, and their totals
``GET  /_control/requests?last=N``     the latest requests, keys replaced by fingerprints
``POST /_control/faults``              a JSON list of faults (see :mod:`local.simulator.faults`)
``GET  /_control/batches``             every batch as its provider shows it, oldest first
``POST /_control/reset``               empties all of these and the prompt caches
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from local.simulator.arrivals import KEPT_REQUESTS
from local.simulator.books import totals
from local.simulator.desk import desk_of

if TYPE_CHECKING:
    from starlette.requests import Request


async def books(request: Request) -> Response:
    """Answer ``{"totals": {...}, "lines": [...]}``; the totals are those of the lines shown."""
    since = _number(request, "since", 0)
    if since is None:
        return _refusal("since is a line number")
    desk = desk_of(request)
    await desk.floor.catch_up(patience=inf)
    lines = desk.books.since(since)
    return _json({"totals": totals(lines), "lines": lines})


async def requests(request: Request) -> Response:
    """Answer ``{"requests": [...]}``, oldest first."""
    last = _number(request, "last", KEPT_REQUESTS)
    if last is None:
        return _refusal("last is a number of requests")
    return _json({"requests": desk_of(request).arrivals.latest(last)})


async def faults(request: Request) -> Response:
    """Queue faults; answer ``{"pending": strikes}``, or 400 and queue nothing."""
    try:
        return _json({"pending": desk_of(request).faults.add(await request.body())})
    except msgspec.MsgspecError as error:
        return _refusal(str(error))


async def batches(request: Request) -> Response:
    """Answer ``{"batches": [{"provider", "key", "batch"}]}``; ``key`` is a fingerprint."""
    desk = desk_of(request)
    await desk.floor.catch_up()
    now = desk.clock.now()
    rows = [
        {"provider": provider, "key": batch.account, "batch": batch.shown(now)}
        for provider, register in (("openai", desk.batches), ("anthropic", desk.message_batches))
        for batch in register.all()
    ]
    return _json({"batches": rows})


async def reset(request: Request) -> Response:
    """Empty the books, the requests, the faults, the batches and the prompt caches."""
    desk_of(request).reset()
    return _json({"reset": True})


def routes() -> list[Route]:
    """Return the control routes."""
    return [
        Route("/_control/books", books, methods=["GET"]),
        Route("/_control/requests", requests, methods=["GET"]),
        Route("/_control/faults", faults, methods=["POST"]),
        Route("/_control/batches", batches, methods=["GET"]),
        Route("/_control/reset", reset, methods=["POST"]),
    ]


def _number(request: Request, name: str, default: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else None


def _refusal(message: str) -> Response:
    return _json({"error": message}, status=400)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
