"""``POST /v1/messages``: the Anthropic Messages door."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from functions.router.answering import ModelDoor, answer
from functions.router.errors import ANTHROPIC_ERRORS
from shared.domain.formats.anthropic_messages import ANTHROPIC_MESSAGES
from shared.domain.messages import parse_messages
from shared.wiring.router import Router

MESSAGES: Final = ModelDoor("messages", ANTHROPIC_MESSAGES, parse_messages, ANTHROPIC_ERRORS)


async def messages(request: Request, router: Router, request_id: str) -> Response:
    """Answer a message."""
    return await answer(request, router, request_id, MESSAGES)
