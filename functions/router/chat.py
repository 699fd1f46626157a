"""``POST /v1/chat/completions``: the OpenAI chat door."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from functions.router.answering import ModelDoor, answer
from functions.router.errors import OPENAI_ERRORS
from shared.domain.chat import parse_chat
from shared.domain.formats.openai_chat import OPENAI_CHAT
from shared.wiring.router import Router

CHAT: Final = ModelDoor("chat", OPENAI_CHAT, parse_chat, OPENAI_ERRORS)


async def chat_completions(request: Request, router: Router, request_id: str) -> Response:
    """Answer a chat completion."""
    return await answer(request, router, request_id, CHAT)
