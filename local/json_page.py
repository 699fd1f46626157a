"""A page of the control server whose handler returns plain data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def json_page(
    answer: Callable[[Request], Awaitable[object]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers what a handler returns, as JSON."""

    async def endpoint(request: Request) -> Response:
        return JSONResponse(await answer(request))

    return endpoint
