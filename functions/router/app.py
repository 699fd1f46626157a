"""The router's ASGI app: its routes, and what becomes of every refusal.

The start script calls :func:`create` once per process. Nothing here does I/O on import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from functions.router import seldom
from functions.router.chat import chat_completions
from functions.router.errors import ANTHROPIC_ERRORS, OPENAI_ERRORS, ErrorShape
from functions.router.health import health, health_details
from functions.router.messages import messages
from shared.domain.errors import GatewayError, MethodNotAllowed, RouteNotFound
from shared.settings import router_settings
from shared.wiring.router import Router, build_router

Handler = Callable[[Request, Router, str], Awaitable[Response]]

EVENTS_PATH: Final = "/lambda-events"
"""Where the Web Adapter posts events that are not HTTP requests."""
_HTTP_CONTEXT: Final = "x-amzn-request-context"
_ANTHROPIC_PATHS: Final = "/v1/messages"
"""Below this path Anthropic's SDK calls, which reads errors in its own shape."""
_NOT_BUILT: Final = {
    "/v1/responses": " The Responses API is not built: ask at POST /v1/chat/completions.",
    "/v1/embeddings": " Embeddings are not built: ask their provider itself.",
}
"""Routes that OpenAI's SDK knows and callers will try, and what to do instead."""


def create() -> Starlette:
    """Build the app from the process environment."""
    return create_app(build_router(router_settings()))


def create_app(router: Router) -> Starlette:
    """Build the app on a given router."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await router.background.drain()

    def route(
        path: str, method: str, door: str, handler: Handler, shape: ErrorShape = OPENAI_ERRORS
    ) -> Route:
        return Route(path, _answering(router, door, handler, shape), methods=[method])

    async def unrouted(request: Request, error: Exception) -> Response:
        return _unrouted(router, request, cast("HTTPException", error))

    app = Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            route("/health/details", "GET", "health", health_details),
            Route("/openapi.json", seldom.openapi, methods=["GET"]),
            Route(EVENTS_PATH, _ignored_event, methods=["POST"]),
            route("/v1/chat/completions", "POST", "chat", chat_completions),
            route("/v1/messages", "POST", "messages", messages, ANTHROPIC_ERRORS),
            *(route(*row) for row in seldom.ROUTES),
            *(route(*row, ANTHROPIC_ERRORS) for row in seldom.MESSAGE_ROUTES),
        ],
        exception_handlers={HTTPException: unrouted},
        lifespan=lifespan,
    )
    # A redirect would lose the stage's prefix on AWS, and the shape of the door.
    app.router.redirect_slashes = False
    return app


async def _ignored_event(request: Request) -> Response:
    """Answer an event of unknown shape with 200 and do nothing; to callers this is no route."""
    if _HTTP_CONTEXT in request.headers:
        raise HTTPException(404)
    return Response(b"{}", media_type="application/json")


def _answering(
    router: Router, door: str, handler: Handler, shape: ErrorShape
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        request_id = router.new_request_id()
        try:
            return await handler(request, router, request_id)
        except GatewayError as error:
            refusal = error
        except Exception as error:  # noqa: BLE001 - the last boundary: no 5xx leaves unshaped
            router.background.report_crash(error)
            refusal = GatewayError("The gateway failed. Quote the request id to its operators.")
        if not refusal.is_settled:
            router.meter.refused(request_id, door, refusal.status, refusal.code)
        return shape.response(refusal, request_id)

    return answer


def _unrouted(router: Router, request: Request, error: HTTPException) -> Response:
    """Shape what reached no handler: an unknown path or a wrong method."""
    request_id = router.new_request_id()
    path = request.url.path
    instead = _NOT_BUILT.get(path, "")
    refusal: GatewayError = RouteNotFound(f"There is no route {request.method} {path}.{instead}")
    if error.status_code == 405:
        refusal = MethodNotAllowed(f"{request.method} is not served at {path}.")
    refusal.headers |= dict(error.headers or {})
    router.meter.refused(request_id, "none", refusal.status, refusal.code)
    shape = ANTHROPIC_ERRORS if path.startswith(_ANTHROPIC_PATHS) else OPENAI_ERRORS
    return shape.response(refusal, request_id)
