"""``/v1/messages/batches``: the same batches in Anthropic's words."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from functions.router.errors import id_headers
from functions.router.files import FORM_LIMIT_BYTES, answer, limit_of, query_of, resumed
from functions.router.reading import decode_object, idempotency_key, presented_key, read_body
from shared.domain.batches.anthropic_shapes import (
    message_batch_deleted,
    message_batch_shown,
    message_list_shown,
)
from shared.domain.batches.requests import MessageBatchRequest, as_file
from shared.domain.entries import KeyRow
from shared.domain.errors import InvalidRequest
from shared.domain.files import Listing
from shared.domain.files.requests import checked
from shared.wiring.router import Router

_USUAL_LIMIT: Final = 20
_MOST_LISTED: Final = 1_000
_BY_FILE: Final = (
    "Send a larger batch as a file: /v1/uploads takes it in parts, and /v1/batches makes a batch "
    "of it with the endpoint /v1/messages."
)


async def create_message_batch(request: Request, router: Router, request_id: str) -> Response:
    """Make a batch of the requests in the body."""
    key = await router.admission.confirm(presented_key(request))
    body = decode_object(await read_body(request, FORM_LIMIT_BYTES, _BY_FILE))
    asked = checked(body, MessageBatchRequest)
    again = idempotency_key(request)
    lines = list(as_file(asked.requests))
    batch = await asyncio.to_thread(router.batches.create_inline, key, lines, again)
    return answer(message_batch_shown(batch), request_id)


async def list_message_batches(request: Request, router: Router, request_id: str) -> Response:
    """List the team's batches, newest first."""
    key = await router.admission.confirm(presented_key(request))
    asked = query_of(request, "after_id", "before_id", "limit")
    if "after_id" in asked and "before_id" in asked:
        raise InvalidRequest("Give one of after_id and before_id.", param="before_id")
    limit = limit_of(asked, _USUAL_LIMIT, _MOST_LISTED)
    is_back = "before_id" in asked
    cursor = asked.get("before_id", asked.get("after_id"))
    listing = Listing(limit, cursor, newest_first=not is_back)
    page = await asyncio.to_thread(router.batches.listed, key.team, "anthropic", listing)
    rows = [message_batch_shown(each) for each in page.rows]
    return answer(
        message_list_shown(rows[::-1] if is_back else rows, has_more=page.has_more), request_id
    )


async def get_message_batch(request: Request, router: Router, request_id: str) -> Response:
    """Look a batch up."""
    key, name = await _asked_for(request, router)
    batch = await asyncio.to_thread(router.batches.get, key.team, "anthropic", name)
    return answer(message_batch_shown(batch), request_id)


async def cancel_message_batch(request: Request, router: Router, request_id: str) -> Response:
    """Have a batch stopped."""
    key, name = await _asked_for(request, router)
    batch = await asyncio.to_thread(router.batches.cancel, key.team, "anthropic", name)
    return answer(message_batch_shown(batch), request_id)


async def delete_message_batch(request: Request, router: Router, request_id: str) -> Response:
    """Forget a batch that has ended."""
    key, name = await _asked_for(request, router)
    await asyncio.to_thread(router.batches.delete, key.team, name)
    return answer(message_batch_deleted(name), request_id)


async def message_batch_results(request: Request, router: Router, request_id: str) -> Response:
    """Stream the results of a batch that has ended."""
    key, name = await _asked_for(request, router)
    batch, pieces = await asyncio.to_thread(router.batches.results, key.team, name)
    first = await asyncio.to_thread(next, pieces, b"")
    size = batch.results.bytes if batch.results else 0
    return StreamingResponse(
        resumed(first, pieces),
        media_type="application/x-jsonl",
        headers={"content-length": str(size)} | id_headers(request_id),
    )


async def _asked_for(request: Request, router: Router) -> tuple[KeyRow, str]:
    key = await router.admission.confirm(presented_key(request))
    return key, request.path_params["message_batch_id"]
