"""``/v1/files``: what batches are made of, and what they end in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from functions.router.errors import id_headers
from functions.router.multipart import Form, boundary_of, read_form
from functions.router.reading import presented_key, read_body
from shared.domain.chat import Shape
from shared.domain.entries import KeyRow
from shared.domain.errors import InvalidRequest
from shared.domain.files import Listing
from shared.domain.files.requests import Filename, checked, file_request
from shared.domain.files.shown import deleted_shown, file_shown, list_shown
from shared.wiring.router import Router

MiB: Final = 1024 * 1024
FORM_LIMIT_BYTES: Final = 4 * MiB + 64 * 1024
"""A file of 4 MiB in its form: a Lambda event holds 6 MiB of base64."""
_IN_PARTS: Final = "Send a larger file in parts of up to 4 MiB by /v1/uploads."
_MOST_LISTED: Final = 10_000


class _Named(Shape):
    filename: Filename


async def create_file(request: Request, router: Router, request_id: str) -> Response:
    """Keep a file."""
    key = await router.admission.confirm(presented_key(request))
    form = await form_of(request)
    sent = form.only_file("file")
    asked = file_request(form.fields)
    named = checked({"filename": sent.filename}, _Named)
    file = await asyncio.to_thread(
        router.files.create, key.team, named.filename, asked, sent.content
    )
    return answer(file_shown(file), request_id)


async def list_files(request: Request, router: Router, request_id: str) -> Response:
    """List the team's files, newest first."""
    key = await router.admission.confirm(presented_key(request))
    page = await asyncio.to_thread(router.files.listed, key.team, listing_of(request))
    return answer(list_shown(page, [file_shown(each) for each in page.rows]), request_id)


async def get_file(request: Request, router: Router, request_id: str) -> Response:
    """Look a file up."""
    key, file_id = await _asked_for(request, router)
    file = await asyncio.to_thread(router.files.get, key.team, file_id)
    return answer(file_shown(file), request_id)


async def delete_file(request: Request, router: Router, request_id: str) -> Response:
    """Delete a file."""
    key, file_id = await _asked_for(request, router)
    file = await asyncio.to_thread(router.files.delete, key.team, file_id)
    return answer(deleted_shown(file.id), request_id)


async def file_content(request: Request, router: Router, request_id: str) -> Response:
    """Stream what a file holds; nothing is sent before its first bytes are at hand."""
    key, file_id = await _asked_for(request, router)
    file = await asyncio.to_thread(router.files.get, key.team, file_id)
    pieces = router.files.content(file)
    first = await asyncio.to_thread(next, pieces, b"")
    return StreamingResponse(
        resumed(first, pieces),
        media_type="application/octet-stream",
        headers={"content-length": str(file.bytes)} | id_headers(request_id),
    )


async def form_of(request: Request) -> Form:
    """Read a bounded form."""
    boundary = boundary_of(request)
    return read_form(await read_body(request, FORM_LIMIT_BYTES, _IN_PARTS), boundary)


def listing_of(request: Request) -> Listing:
    """Read which files are asked for."""
    asked = query_of(request, "after", "limit", "order", "purpose")
    order = asked.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("It must be asc or desc.", param="order")
    return Listing(
        limit=limit_of(asked, _MOST_LISTED, _MOST_LISTED),
        after=asked.get("after"),
        newest_first=order == "desc",
        purpose=asked.get("purpose"),
    )


def query_of(request: Request, *known: str) -> dict[str, str]:
    """Return the parameters of a query; raises ``InvalidRequest`` for one that is not known."""
    for name in request.query_params:
        if name not in known:
            raise InvalidRequest("This route has no such parameter.", param=name)
    return {name: value for name, value in request.query_params.items() if value}


def limit_of(asked: dict[str, str], usual: int, most: int) -> int:
    """Return how many rows are asked for."""
    text = asked.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise InvalidRequest(f"It must be a number from 1 to {most}.", param="limit")
    return int(text)


def answer(value: object, request_id: str) -> Response:
    """Return an answer as JSON."""
    return Response(
        msgspec.json.encode(value), media_type="application/json", headers=id_headers(request_id)
    )


async def _asked_for(request: Request, router: Router) -> tuple[KeyRow, str]:
    key = await router.admission.confirm(presented_key(request))
    return key, request.path_params["file_id"]


def resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces whose first one was asked for already."""
    yield first
    yield from rest
