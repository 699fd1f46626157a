"""The floor: what this server and this HTTP client cost when the gateway between them is nothing.

On the router's own uvicorn it returns stored bytes (``/hit``) or passes a request on to the
provider and its answer back (``/miss``), reading neither. ``FLOOR_PROVIDER`` is where it goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.scenarios import completion, events


def create() -> Starlette:
    """Build the app."""
    client = httpx2.AsyncClient(trust_env=False, timeout=None)
    provider = os.environ["FLOOR_PROVIDER"]
    whole = json.dumps(completion()).encode()
    frames = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events()]

    async def health(_: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    async def hit(request: Request) -> Response:
        await request.body()
        return Response(whole, media_type="application/json")

    async def hit_stream(request: Request) -> Response:
        await request.body()
        return StreamingResponse(_each(frames), media_type="text/event-stream")

    async def miss(request: Request) -> Response:
        answer = await client.post(provider, content=await request.body())
        return Response(answer.content, media_type="application/json")

    async def miss_stream(request: Request) -> Response:
        passed_on = _passed_on(client, provider, await request.body())
        return StreamingResponse(passed_on, media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/hit", hit, methods=["POST"]),
            Route("/hit-stream", hit_stream, methods=["POST"]),
            Route("/miss", miss, methods=["POST"]),
            Route("/miss-stream", miss_stream, methods=["POST"]),
        ]
    )


async def _each(frames: list[bytes]) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


async def _passed_on(
    client: httpx2.AsyncClient, provider: str, body: bytes
) -> AsyncIterator[bytes]:
    async with client.stream("POST", provider, content=body) as answer:
        async for chunk in answer.aiter_raw():
            yield chunk
