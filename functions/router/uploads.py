"""``/v1/uploads``: a file that is too large for one request comes in parts."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from functions.router.files import answer, form_of
from functions.router.reading import decode_object, presented_key, read_body
from shared.domain.errors import InvalidRequest
from shared.domain.files.requests import CompleteRequest, UploadRequest, checked
from shared.domain.files.shown import part_shown, upload_shown
from shared.wiring.router import Router


async def create_upload(request: Request, router: Router, request_id: str) -> Response:
    """Begin an upload."""
    key = await router.admission.confirm(presented_key(request))
    body = decode_object(await read_body(request, router.settings.body_limit_bytes))
    asked = checked(body, UploadRequest)
    upload = await asyncio.to_thread(router.files.start_upload, key.team, asked)
    return answer(upload_shown(upload, None, router.clock()), request_id)


async def add_part(request: Request, router: Router, request_id: str) -> Response:
    """Take a part."""
    key = await router.admission.confirm(presented_key(request))
    form = await form_of(request)
    sent = form.only_file("data")
    for name in form.fields:
        raise InvalidRequest("This route takes no such field.", param=name)
    part = await asyncio.to_thread(
        router.files.add_part, key.team, request.path_params["upload_id"], sent.content
    )
    return answer(part_shown(part), request_id)


async def complete_upload(request: Request, router: Router, request_id: str) -> Response:
    """Make a file of the parts."""
    key = await router.admission.confirm(presented_key(request))
    body = decode_object(await read_body(request, router.settings.body_limit_bytes))
    asked = checked(body, CompleteRequest)
    upload, file = await asyncio.to_thread(
        router.files.complete, key.team, request.path_params["upload_id"], asked
    )
    return answer(upload_shown(upload, file, router.clock()), request_id)


async def cancel_upload(request: Request, router: Router, request_id: str) -> Response:
    """Give an upload up."""
    key = await router.admission.confirm(presented_key(request))
    upload = await asyncio.to_thread(
        router.files.cancel, key.team, request.path_params["upload_id"]
    )
    return answer(upload_shown(upload, None, router.clock()), request_id)
