"""Routes for tests and the local world, outside every provider's protocol.

``GET  /_control/books?since=SEQ``     lines above SEQ, and their totals
``GET  /_control/requests?last=N``     the latest requests, keys replaced by fingerprints
``POST /_control/faults``              a JSON list of faults (see :mod:`local.simulator.faults`)
``POST /_control/reset``               empties books, requests, faults and prompt caches
"""

from __future__ import annotations

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
    lines = desk_of(request).books.since(since)
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


async def reset(request: Request) -> Response:
    """Empty the books, the requests, the faults and the prompt caches."""
    desk = desk_of(request)
    for part in (desk.books, desk.arrivals, desk.faults, desk.shelf):
        part.reset()
    return _json({"reset": True})


def routes() -> list[Route]:
    """Return the control routes."""
    return [
        Route("/_control/books", books, methods=["GET"]),
        Route("/_control/requests", requests, methods=["GET"]),
        Route("/_control/faults", faults, methods=["POST"]),
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
