"""Routes that are seldom asked for: imported at their first call.

Each module costs a cold start a millisecond, and no caller's answer should wait for a document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from shared.usecases.calls import Call
    from shared.wiring.router import Router


async def openapi(request: Request) -> Response:
    """Serve ``/openapi.json``."""
    from functions.router import openapi as route  # noqa: PLC0415

    return await route.openapi(request)


async def list_models(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/models``."""
    from functions.router import models as route  # noqa: PLC0415

    return await route.list_models(request, router, request_id)


async def get_model(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/models/{model}``."""
    from functions.router import models as route  # noqa: PLC0415

    return await route.get_model(request, router, request_id)


async def list_budgets(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/budget``."""
    from functions.router import budget as route  # noqa: PLC0415

    return await route.list_budgets(request, router, request_id)


async def usage(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/usage``."""
    from functions.router import usage as route  # noqa: PLC0415

    return await route.usage(request, router, request_id)


async def feedback(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/feedback``."""
    from functions.router import feedback as route  # noqa: PLC0415

    return await route.feedback(request, router, request_id)


async def count_tokens(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/messages/count_tokens``."""
    from functions.router import count_tokens as route  # noqa: PLC0415

    return await route.count_tokens(request, router, request_id)


async def accept_job(router: Router, call: Call) -> Response:
    """Accept a call that comes with a deadline."""
    from functions.router import jobs as route  # noqa: PLC0415

    return await route.accept_job(router, call)


async def get_job(request: Request, router: Router, request_id: str) -> Response:
    """Serve ``/v1/jobs/{id}``."""
    from functions.router import jobs as route  # noqa: PLC0415

    return await route.get_job(request, router, request_id)


BATCH_ROUTES: Final = (
    ("/v1/files", "POST", "files", "create_file"),
    ("/v1/files", "GET", "files", "list_files"),
    ("/v1/files/{file_id}", "GET", "files", "get_file"),
    ("/v1/files/{file_id}", "DELETE", "files", "delete_file"),
    ("/v1/files/{file_id}/content", "GET", "files", "file_content"),
    ("/v1/uploads", "POST", "uploads", "create_upload"),
    ("/v1/uploads/{upload_id}/parts", "POST", "uploads", "add_part"),
    ("/v1/uploads/{upload_id}/complete", "POST", "uploads", "complete_upload"),
    ("/v1/uploads/{upload_id}/cancel", "POST", "uploads", "cancel_upload"),
    ("/v1/batches", "POST", "batches", "create_batch"),
    ("/v1/batches", "GET", "batches", "list_batches"),
    ("/v1/batches/{batch_id}", "GET", "batches", "get_batch"),
    ("/v1/batches/{batch_id}/cancel", "POST", "batches", "cancel_batch"),
)
"""The routes of batches: path, method, module of this package, function in it."""
MESSAGE_BATCH_ROUTES: Final = (
    ("/v1/messages/batches", "POST", "create_message_batch"),
    ("/v1/messages/batches", "GET", "list_message_batches"),
    ("/v1/messages/batches/{message_batch_id}", "GET", "get_message_batch"),
    ("/v1/messages/batches/{message_batch_id}", "DELETE", "delete_message_batch"),
    ("/v1/messages/batches/{message_batch_id}/cancel", "POST", "cancel_message_batch"),
    ("/v1/messages/batches/{message_batch_id}/results", "GET", "message_batch_results"),
)
"""Those of Anthropic's batches, all in one module."""


def batch_route(module: str, name: str) -> Callable[[Request, Router, str], Awaitable[Response]]:
    """Return the handler of a route of batches, which is imported when it is first asked."""

    async def serve(request: Request, router: Router, request_id: str) -> Response:
        route = import_module(f"functions.router.{module}")
        answer: Response = await getattr(route, name)(request, router, request_id)
        return answer

    return serve
