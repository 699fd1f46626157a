"""``POST /v1/messages/count_tokens``: how many tokens a message would have."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from functions.router.answering import ModelDoor, checked_call
from functions.router.errors import ANTHROPIC_ERRORS, id_headers
from shared.domain.errors import InvalidRequest
from shared.domain.formats.anthropic_messages import ANTHROPIC_MESSAGES
from shared.domain.messages import parse_count
from shared.usecases.count_tokens import CountTokens
from shared.wiring.router import Router


async def count_tokens(request: Request, router: Router, request_id: str) -> Response:
    """Answer with the provider's count."""
    call = await checked_call(request, router, request_id, COUNT_TOKENS)
    key = await router.admission.confirm(call.key)
    if call.answer_by is not None:
        raise InvalidRequest("A count is made at once: leave the deadline out.", param="deadline")
    counting = CountTokens(
        holding=router.holding,
        upstream=router.upstream,
        catalog=router.catalog,
        meter=router.meter,
        clock=router.clock,
    )
    reply = await counting(call, key)
    return Response(reply.body, media_type="application/json", headers=id_headers(request_id))


COUNT_TOKENS: Final = ModelDoor("count_tokens", ANTHROPIC_MESSAGES, parse_count, ANTHROPIC_ERRORS)
