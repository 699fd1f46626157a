"""Routes that are seldom asked for: imported at their first call.

Each module costs a cold start a millisecond, and no caller's answer should wait for a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from shared.wiring import Router


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
