"""The simulator as an ASGI application: every protocol's routes, and the control routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from local.simulator import control
from local.simulator.desk import Desk
from local.simulator.openai_chat import errors
from local.simulator.openai_chat import routes as openai_chat

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from local.simulator.clock import FileClock
    from local.simulator.prices import PriceList


def build_app(clock: FileClock, prices: PriceList) -> Starlette:
    """Return a simulator with empty books."""
    app = Starlette(
        routes=[*openai_chat.routes(), *control.routes()],
        exception_handlers={
            errors.ApiError: _refused,
            HTTPException: _no_such_route,
            RecursionError: _too_deep,
        },
    )
    app.state.desk = Desk(clock, prices)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.ApiError):
        raise error
    return error.response()


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return errors.ApiError(status, f"Invalid URL ({request.method} {request.url.path})").response()


async def _too_deep(request: Request, error: Exception) -> Response:
    return errors.ApiError(400, "The JSON body is nested too deeply.").response()
