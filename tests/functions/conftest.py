"""The router's app on fakes: a scripted provider, stores in memory, a clock that is set by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
import pytest
from starlette.applications import Starlette

from functions.router.app import create_app
from shared.adapters.memory import MemoryMeter, MemoryReply, MemoryStore, MemoryUpstream
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.adapters.memory_files import MemoryFiles
from shared.adapters.memory_jobs import MemoryBlobs, MemoryJobs, MemoryQueue
from shared.adapters.memory_ledger import MemoryLedger
from shared.catalog import Provider
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.entries import Entry, KeyRow
from shared.settings import RouterSettings
from shared.wiring.batches import BatchStores
from shared.wiring.router import Router, build_router

T = TypeVar("T")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
WORDS = ("Hel", "lo", " you")


def completion(text: str = "Hello you", *, usage: object = USAGE, reason: str = "stop") -> bytes:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
    return json.dumps({**whole, "choices": [choice]}).encode()


def chunk(delta: dict[str, Any], reason: str | None = None, **extra: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": [choice], **extra}).encode() + b"\n\n"


def usage_chunk(usage: object = USAGE) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": [], "usage": usage}).encode() + b"\n\n"


def stream_frames(*, usage: object = USAGE, reason: str = "stop") -> list[bytes]:
    words = [chunk({"content": word}) for word in WORDS]
    end = [chunk({}, reason), usage_chunk(usage), b"data: [DONE]\n\n"]
    return [chunk({"role": "assistant", "content": ""}), *words, *end]


async def as_chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


Answer = Callable[[dict[str, Any]], MemoryReply]


def usual_answer(body: dict[str, Any]) -> MemoryReply:
    parts = stream_frames() if body.get("stream") else [completion()]
    return MemoryReply(as_chunks(*parts))


@dataclass
class Gateway:
    """The app, its fakes and its two tenants' keys."""

    app: Starlette
    router: Router
    store: MemoryStore
    ledger: MemoryLedger
    upstream: MemoryUpstream
    meter: MemoryMeter
    time: list[float]
    files: MemoryFiles = field(default_factory=MemoryFiles)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    batches: MemoryCallerBatches = field(default_factory=MemoryCallerBatches)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def sent_bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.upstream.sent]

    def answer_with(self, answer: Answer) -> None:
        def answering(entry: Entry, provider: Provider, path: str, body: bytes) -> MemoryReply:
            assert path.startswith(("/chat/completions", "/messages"))
            return answer(json.loads(body))

        self.upstream.answering = answering

    async def chat(
        self, content: str = "What is a sluice?", *, team: str = "search", **request: Any
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.keys[team]}"} | request.pop("headers", {})
        body = {"model": "auto", "messages": [{"role": "user", "content": content}], **request}
        return await self.post(json.dumps(body).encode(), headers)

    async def post(
        self, body: bytes, headers: dict[str, str], path: str = "/v1/chat/completions"
    ) -> httpx2.Response:
        return await self.call("POST", path, content=body, headers=headers)

    async def call(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, **arguments)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def make_gateway(*providers: str, **limits: Any) -> Gateway:
    """Return a gateway on fakes with these providers enabled and two teams' keys.

    ``limits`` are settings in seconds that differ from the usual ones.
    """
    settings = RouterSettings(
        environment="dev",
        cache_table="cache",
        ledger_table="ledger",
        jobs_table="jobs",
        batches_bucket="batches",
        jobs_queue="jobs",
        providers=providers,
        provider_secrets={provider: f"arn:{provider}" for provider in providers},
        policy_version="p1",
        baseline_model="gpt-6-astra",
        **limits,
    )
    time = [1_795_330_000.0]
    store, meter = MemoryStore(), MemoryMeter()
    files, blobs = MemoryFiles(), MemoryBlobs()
    jobs, queue, batches = MemoryJobs(), MemoryQueue(), MemoryCallerBatches()
    upstream = MemoryUpstream(lambda *_: MemoryReply(as_chunks()))
    router = build_router(
        settings,
        clock=lambda: time[0],
        stores=(store, store.ledger),
        upstream=upstream,
        meter=meter,
        batch_stores=BatchStores(files, blobs, batches, queue),
        job_stores=(jobs, queue),
    )
    made = Gateway(
        app=create_app(router),
        router=router,
        store=store,
        ledger=store.ledger,
        upstream=upstream,
        meter=meter,
        time=time,
        files=files,
        blobs=blobs,
        jobs=jobs,
        queue=queue,
        batches=batches,
    )
    made.answer_with(usual_answer)
    for number, team in enumerate(("search", "support")):
        key = compose_key("dev", team, bytes([number]) * 24)
        store.create(KeyRow(f"{team}.1", "dev", team, key_digest(key), "test", 1))
        made.keys[team] = key
    return made


@pytest.fixture
def gateway() -> Gateway:
    return make_gateway("openai", "xai")
