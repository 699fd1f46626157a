"""``/v1/batches``: a file of calls, answered within a day at the price of batches."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from functions.router.files import answer, limit_of, query_of
from functions.router.reading import decode_object, idempotency_key, presented_key, read_body
from shared.domain.batches.batch import Batch
from shared.domain.batches.openai_shapes import batch_shown
from shared.domain.batches.requests import BatchRequest
from shared.domain.doors import DOORS
from shared.domain.files import Listing
from shared.domain.files.requests import checked
from shared.domain.files.shown import list_shown
from shared.wiring.router import Router

_USUAL_LIMIT = 20
_MOST_LISTED = 100


async def create_batch(request: Request, router: Router, request_id: str) -> Response:
    """Make a batch of an uploaded file."""
    key = await router.admission.confirm(presented_key(request))
    body = decode_object(await read_body(request, router.settings.body_limit_bytes))
    asked = checked(body, BatchRequest)
    again = idempotency_key(request)
    batch = await asyncio.to_thread(router.batches.create, key, asked, again)
    return answer(_shown(batch), request_id)


async def list_batches(request: Request, router: Router, request_id: str) -> Response:
    """List the team's batches, newest first."""
    key = await router.admission.confirm(presented_key(request))
    asked = query_of(request, "after", "limit")
    listing = Listing(limit_of(asked, _USUAL_LIMIT, _MOST_LISTED), asked.get("after"))
    page = await asyncio.to_thread(router.batches.listed, key.team, "openai", listing)
    return answer(list_shown(page, [_shown(each) for each in page.rows]), request_id)


async def get_batch(request: Request, router: Router, request_id: str) -> Response:
    """Look a batch up."""
    key = await router.admission.confirm(presented_key(request))
    name = request.path_params["batch_id"]
    batch = await asyncio.to_thread(router.batches.get, key.team, "openai", name)
    return answer(_shown(batch), request_id)


async def cancel_batch(request: Request, router: Router, request_id: str) -> Response:
    """Have a batch stopped."""
    key = await router.admission.confirm(presented_key(request))
    name = request.path_params["batch_id"]
    batch = await asyncio.to_thread(router.batches.cancel, key.team, "openai", name)
    return answer(_shown(batch), request_id)


def _shown(batch: Batch) -> dict[str, object]:
    return batch_shown(batch, DOORS[batch.door].url)
