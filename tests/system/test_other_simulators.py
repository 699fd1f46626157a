"""Simulators that others wrote stand in for the providers: the router is not fitted to ours.

llmock (https://pypi.org/project/llmock/, 0.2.2) counts tokens in its own way. It serves Anthropic
below ``/anthropic`` as our stand-in does, but OpenAI at the root, so a prefix is taken off.

aimock (https://www.npmjs.com/package/@copilotkit/aimock, tried at 1.43.0) is a Node program, so it
is asked only where ``SLUICE_AIMOCK`` names it: ``npm install @copilotkit/aimock`` puts it at
``node_modules/.bin/llmock``. It serves all providers at the root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from functions.router.app import create_app
from local.web_instance import free_port
from shared.adapters.memory import MemoryMeter, MemoryStore
from shared.adapters.upstream import HttpUpstream, egress_client
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.entries import KeyRow
from shared.settings import RouterSettings
from shared.wiring.router import build_router
from tests.functions.conftest import run

Json = dict[str, Any]

KEY = compose_key("dev", "search", b"k" * 24)
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
GPT, CLAUDE = "gpt-6-luna", "claude-haiku-5-5"
NANO_PER_TOKEN = {GPT: (100, 500), CLAUDE: (100, 500)}
"""List prices of input and output: $0.10 and $0.50 per million tokens, both of them."""
QUESTION = [{"role": "user", "content": "Which lock raises a ship the highest?"}]
FIELDS = {"type": "object", "properties": {"lock": {"type": "string"}}}

SERVE = """
import sys
import uvicorn
from llmock.main import create_app

app = create_app()

async def without_prefix(scope, receive, send):
    if scope["type"] == "http":
        scope = {**scope, "path": scope["path"].removeprefix("/openai")}
    await app(scope, receive, send)

uvicorn.run(without_prefix, host="127.0.0.1", port=int(sys.argv[1]), log_level="error",
            loop="asyncio", http="h11")
"""


AIMOCK = os.environ.get("SLUICE_AIMOCK")
USED = {"prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7}
CALLS = {"toolCalls": [{"name": "look_up", "arguments": '{"lock": "x"}'}], "usage": USED}
WORDS = {"content": "The lock of Oskemen, on the Irtysh.", "usage": USED}
SAYS: Json = {
    "fixtures": [
        {"match": {"toolName": "look_up"}, "response": CALLS},
        {"match": {}, "response": WORDS},
    ]
}
"""What aimock answers: a call of the tool where it is offered, and words otherwise. Of its own
accord it counts no tokens for Anthropic, which we never take for a bill."""


@dataclass(frozen=True)
class Simulator:
    """Where it listens, and the prefixes of our stand-in's paths that it does not have."""

    url: str
    prefixes: tuple[str, ...] = ()

    async def without_prefix(self, request: httpx2.Request) -> None:
        for prefix in self.prefixes:
            path = request.url.path.removeprefix(prefix)
            request.url = request.url.copy_with(path=path)


def started_llmock(port: int, _: Path) -> tuple[list[str], Simulator]:
    command = [sys.executable, "-c", SERVE, str(port)]
    return command, Simulator(f"http://127.0.0.1:{port}")


def started_aimock(port: int, folder: Path) -> tuple[list[str], Simulator]:
    says = folder / "says.json"
    says.write_text(json.dumps(SAYS))
    command = [AIMOCK or "", "--port", str(port), "--fixtures", str(says), "--log-level", "warn"]
    return command, Simulator(f"http://127.0.0.1:{port}", ("/openai", "/anthropic", "/xai"))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(started_llmock, id="llmock"),
        pytest.param(
            started_aimock,
            id="aimock",
            marks=pytest.mark.skipif(not AIMOCK, reason="SLUICE_AIMOCK names no aimock"),
        ),
    ],
)
def simulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Simulator]:
    command, made = request.param(free_port(), tmp_path_factory.mktemp("simulator"))
    environment = {"PATH": os.environ["PATH"]}  # aimock looks for Node there
    process = subprocess.Popen(command, env=environment)  # noqa: S603 - our own text
    try:
        wait_for(made.url + "/health", process)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    with httpx2.Client(trust_env=False) as client:
        while True:
            assert process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator does not answer"
            try:
                client.get(url).raise_for_status()
            except httpx2.ConnectError:
                time.sleep(0.1)
            else:
                return


class OneKey:
    """Implements ``ProviderKeys``: the simulators take any."""

    def key_of(self, provider: str) -> str:
        return f"key of {provider}"


class Caller:
    """A caller of a router whose providers are all one simulator."""

    def __init__(self, client: httpx2.AsyncClient, store: MemoryStore) -> None:
        self.client = client
        self.store = store

    async def post(self, path: str, body: Json) -> httpx2.Response:
        limit = {"max_tokens": 500} if path == MESSAGES else {}
        asked = {"messages": QUESTION, **limit, **body}
        response = await self.client.post(path, json=asked, headers={"x-api-key": KEY})
        assert response.status_code == 200, response.text
        [settlement] = self.store.ledger.rows.values()
        assert settlement.usage_source == "provider"
        return response


@asynccontextmanager
async def calling(simulator: Simulator) -> AsyncIterator[Caller]:
    settings = RouterSettings(
        environment="dev",
        cache_table="cache",
        ledger_table="ledger",
        jobs_table="jobs",
        batches_bucket="batches",
        jobs_queue="jobs",
        providers=("openai", "anthropic", "xai"),
        provider_secrets={name: f"arn:{name}" for name in ("openai", "anthropic", "xai")},
        policy_version="p1",
        baseline_model="gpt-6-astra",
    )
    store = MemoryStore()
    store.create(KeyRow("search.1", "dev", "search", key_digest(KEY), "test", 1))
    async with egress_client() as egress:
        egress.event_hooks = {"request": [simulator.without_prefix]}
        upstream = HttpUpstream(egress, OneKey(), stand_in=simulator.url)
        router = build_router(
            settings, stores=(store, store.ledger), upstream=upstream, meter=MemoryMeter()
        )
        transport = httpx2.ASGITransport(app=create_app(router))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield Caller(client, store)
            await router.background.drain()


async def ask(simulator: Simulator, path: str, body: Json) -> httpx2.Response:
    async with calling(simulator) as caller:
        return await caller.post(path, body)


def events(response: httpx2.Response) -> list[Json]:
    lines = [e for e in response.text.split("\n") if e.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def price(model: str, prompt: int, output: int) -> Decimal:
    per_input, per_output = NANO_PER_TOKEN[model]
    return Decimal(prompt * per_input + output * per_output) / 10**9


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_a_chat_completion_is_answered_and_priced(simulator: Simulator, model: str) -> None:
    response = run(ask(simulator, CHAT, {"model": model}))
    told = response.json()
    assert told["choices"][0]["message"]["content"]
    used = told["usage"]
    cost = price(model, used["prompt_tokens"], used["completion_tokens"])
    assert Decimal(response.headers["x-sluice-cost-usd"]) == cost > 0


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_a_chat_stream_is_relayed_and_priced(simulator: Simulator, model: str) -> None:
    body = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    response = run(ask(simulator, CHAT, body))
    assert response.text.endswith("data: [DONE]\n\n")
    *chunks, last = events(response)
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
    cost = price(model, last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"])
    [notes] = [each["sluice"] for each in chunks if "sluice" in each]
    assert Decimal(notes["cost_usd"]) == cost > 0


@pytest.mark.parametrize("model", [CLAUDE, GPT])
def test_a_message_is_answered_and_priced(simulator: Simulator, model: str) -> None:
    response = run(ask(simulator, MESSAGES, {"model": model}))
    told = response.json()
    assert told["content"][0]["text"]
    assert told["stop_reason"] == "end_turn"
    cost = price(model, told["usage"]["input_tokens"], told["usage"]["output_tokens"])
    assert Decimal(response.headers["x-sluice-cost-usd"]) == cost > 0


@pytest.mark.parametrize("model", [CLAUDE, GPT])
def test_a_message_stream_is_relayed_and_priced(simulator: Simulator, model: str) -> None:
    response = run(ask(simulator, MESSAGES, {"model": model, "stream": True}))
    said = events(response)
    assert said[0]["type"] == "message_start"
    assert said[-1]["type"] == "message_stop"
    assert "".join(each.get("delta", {}).get("text", "") for each in said)
    [end] = [each for each in said if each["type"] == "message_delta"]
    assert Decimal(end["sluice"]["cost_usd"]) > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_tools_are_called_through_either_door(
    simulator: Simulator, model: str, stream: bool
) -> None:
    function = {"type": "function", "function": {"name": "look_up", "parameters": FIELDS}}
    tool = {"name": "look_up", "input_schema": FIELDS}
    for path, offered in ((CHAT, function), (MESSAGES, tool)):
        body = {"model": model, "tools": [offered], "stream": stream}
        assert "look_up" in run(ask(simulator, path, body)).text


def test_auto_is_routed_and_a_repeat_is_served_from_the_cache(simulator: Simulator) -> None:
    async def twice() -> tuple[httpx2.Response, httpx2.Response]:
        async with calling(simulator) as caller:
            first = await caller.post(CHAT, {"model": "auto"})
            caller.store.ledger.rows.clear()
            again = await caller.client.post(
                CHAT, json={"model": "auto", "messages": QUESTION}, headers={"x-api-key": KEY}
            )
            return first, again

    first, again = run(twice())
    assert (first.headers["x-sluice-cache"], again.headers["x-sluice-cache"]) == ("miss", "hit")
    assert again.json() == first.json()
    assert again.headers["x-sluice-cost-usd"] == "0"
