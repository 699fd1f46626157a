"""The simulator as an ASGI application: every protocol's routes, and the control routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from local.simulator import control
from local.simulator.anthropic_batches import routes as anthropic_batches
from local.simulator.anthropic_messages import routes as anthropic_messages
from local.simulator.anthropic_messages.errors import MessagesError
from local.simulator.bedrock_converse import routes as bedrock_converse
from local.simulator.bedrock_converse.errors import ConverseError
from local.simulator.desk import Desk
from local.simulator.openai_batches import file_routes as openai_files
from local.simulator.openai_batches import routes as openai_batches
from local.simulator.openai_chat import routes as openai_chat
from local.simulator.openai_chat.errors import ApiError
from local.simulator.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from local.simulator.clock import FileClock
    from local.simulator.prices import PriceList

SHAPES: dict[str, type[Refusal]] = {
    "/anthropic": MessagesError,
    "/v1/messages": MessagesError,
    "/bedrock": ConverseError,
    "/model/": ConverseError,
}
"""By the start of the path; OpenAI's shape is everywhere else."""


def build_app(clock: FileClock, prices: PriceList, batch_speedup: float = 1) -> Starlette:
    """Return a simulator with empty books; ``batch_speedup`` is how fast its batches go."""
    protocols = (
        openai_chat,
        openai_files,
        openai_batches,
        anthropic_messages,
        anthropic_batches,
        bedrock_converse,
    )
    app = Starlette(
        routes=[*(route for spoken in protocols for route in spoken.routes()), *control.routes()],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _no_such_route,
            RecursionError: _too_deep,
        },
    )
    app.state.desk = Desk(clock, prices, batch_speedup)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return error.response()


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    text = f"Invalid URL ({request.method} {request.url.path})"
    return _shape(request)(status, text).response()


async def _too_deep(request: Request, error: Exception) -> Response:
    return _shape(request)(400, "The JSON body is nested too deeply.").response()


def _shape(request: Request) -> type[Refusal]:
    path = request.url.path
    return next((kind for start, kind in SHAPES.items() if path.startswith(start)), ApiError)
