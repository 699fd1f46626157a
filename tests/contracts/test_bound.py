"""No request costs more than its bound: held against the simulator's own books.

Requests of every content type are generated for every model, sent to the simulator by the body
that a provider would be sent, and the books' line is compared with what would have been held.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections import Counter
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from local.simulator.app import build_app
from local.simulator.clock import FileClock
from local.simulator.prices import load_prices
from shared import catalog
from shared.clock import utc
from shared.domain.bound import Bound, prompt_bound, text_bound
from shared.domain.chat import parse_chat
from shared.domain.crossing import FORMATS, crossing
from shared.domain.errors import InvalidRequest
from shared.domain.messages import parse_messages
from shared.domain.prices import LongPrompt, PriceRow, Rates
from shared.usecases.wire_body import WireBody, wire_body
from tests.unit.domain.translatable import chat_requests, message_requests

Json = dict[str, Any]

EXAMPLES: Final = int(os.environ.get("SLUICE_BOUND_EXAMPLES", "500"))
"""Requests per door."""
CATALOG: Final = catalog.load(catalog.known_providers())
SOLD: Final = load_prices()
MODELS: Final = sorted(
    name
    for name, model in CATALOG.models.items()
    if model.provider != "bedrock" and SOLD.find(model.provider, name)
)
"""Those that the simulator serves: all six providers with a key."""
NOW: Final = 1_795_348_800.0
PNG: Final = "data:image/png;base64,iVBORw0KGgo="
HEADERS: Final = {
    "authorization": "Bearer sk-test",
    "x-api-key": "sk-test",
    "anthropic-version": "2023-06-01",
}
PATHS: Final = {"openai-chat": "/chat/completions", "anthropic-messages": "/messages"}

strange_texts = st.sampled_from(
    ["[long 300] Say it all.", "[think 40] Why?", "ﷺ" * 40, "日本語" * 30, "½ ﬁ Å ẛ̣" * 20,
     json.dumps({"id": "7f3a-11ee-be56-0242ac120002"}) * 20, "𝕊𝕝𝕦𝕚𝕔𝕖 " * 30, "\n\t\x00" * 30]
)  # fmt: skip
lengthy = st.one_of(strange_texts, st.text(max_size=400))


class Books:
    """A simulator in this process, and what it has billed."""

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self.seen = 0
        self.kinds: Counter[str] = Counter()

    def billed(self, model: str, wire: WireBody) -> list[Json]:
        """Send a body as its provider would be sent it; return the new lines of the books."""
        return asyncio.run(self._billed(model, wire))

    async def _billed(self, model: str, wire: WireBody) -> list[Json]:
        provider = CATALOG.providers[CATALOG.models[model].provider]
        own_path = httpx2.URL(provider.base_url).path.rstrip("/")
        transport = httpx2.ASGITransport(app=self._app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://simulator") as client:
            answer = await client.post(
                f"/{provider.name}{own_path}{PATHS[provider.wire_format]}",
                content=wire.raw,
                headers=HEADERS,
            )
            self.kinds[str(answer.status_code)] += 1
            lines: list[Json] = (
                await client.get("/_control/books", params={"since": self.seen})
            ).json()["lines"]
        self.seen = max([self.seen, *(line["seq"] for line in lines)])
        return lines


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    clock = tmp_path_factory.mktemp("bound") / "clock"
    clock.write_text("0.0", encoding="ascii")
    return Books(build_app(FileClock(clock), SOLD))


def held(model: str, wire: WireBody) -> int:
    rows = [CATALOG.models[model].price(utc(at)) for at in (NOW, NOW + 900)]
    return wire.bound.cost(rows)


def wire_of(door: str, body: Json, model: str) -> WireBody | None:
    own = CATALOG.models[model]
    provider = CATALOG.providers[own.provider]
    parse = parse_chat if door == "openai-chat" else parse_messages
    try:
        request = parse({**copy.deepcopy(body), "model": model})
        return wire_body(
            {**body, "model": model}, own, provider,
            crossing(FORMATS[door].name, provider.wire_format),
            team="search", output_limit=request.output_limit, choices=request.choices,
        )  # fmt: skip
    except InvalidRequest:
        return None


def check(books: Books, door: str, body: Json, model: str) -> bool:
    """Hold what a request costs against its bound; returns whether the model took it at all."""
    wire = wire_of(door, body, model)
    lines = books.billed(model, wire) if wire else []
    for line in lines:
        assert wire is not None
        assert line["cost_nano"] <= held(model, wire), (line, wire)
        assert line["prompt_tokens"] <= wire.bound.prompt
        assert line["completion_tokens"] <= wire.bound.output
    return bool(lines)


def check_with_any(books: Books, door: str, body: Json, first: str) -> None:
    """Check a request with a model, or with the next one that can take it."""
    at = MODELS.index(first)
    any(check(books, door, body, model) for model in MODELS[at:] + MODELS[:at])


pytestmark = pytest.mark.timeout(600)
calm = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)


@calm
@given(chat_requests, lengthy, st.sampled_from(MODELS), st.integers(1, 3))
def test_no_chat_costs_more_than_its_bound(
    books: Books, body: Json, text: str, model: str, choices: int
) -> None:
    said = [*body["messages"], {"role": "user", "content": text}]
    check_with_any(books, "openai-chat", {**body, "messages": said, "n": choices}, model)


@calm
@given(message_requests, lengthy, st.sampled_from(MODELS))
def test_no_message_costs_more_than_its_bound(
    books: Books, body: Json, text: str, model: str
) -> None:
    said = [*body["messages"], {"role": "user", "content": text or "?"}]
    check_with_any(books, "anthropic-messages", {**body, "messages": said}, model)


def test_most_of_the_requests_were_answered(books: Books) -> None:
    assert books.kinds["200"] > 0.96 * 2 * EXAMPLES, books.kinds


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "[long 5000] everything"}]},
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "what?"},
            *({"type": "image_url", "image_url": {"url": url}} for url in (PNG, "https://a.example/i")),
        ]}]},
        {"messages": [{"role": "user", "content": "now"}], "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ]},
        {"messages": [{"role": "user", "content": "why"}], "reasoning_effort": "high"},
        {"messages": [{"role": "user", "content": "many"}], "n": 5, "max_tokens": 50},
    ],
    ids=["unlimited", "images", "tools", "reasoning", "choices"],
)  # fmt: skip
def test_each_content_type_is_bounded_for_each_model(
    books: Books, fields: Json, model: str
) -> None:
    check(books, "openai-chat", fields, model)


def test_every_call_has_a_limit_of_output_on_the_wire() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}]}
    for model in MODELS:
        wire = wire_of("openai-chat", body, model)
        assert wire is not None
        sent = json.loads(wire.raw)
        own = CATALOG.models[model]
        limit = sent[CATALOG.providers[own.provider].output_limit]
        assert 0 < limit <= (own.capabilities.max_output_tokens or limit)


def test_a_ligature_that_unfolds_is_counted_unfolded() -> None:
    assert text_bound("ﷺ".encode()) == len("صلى الله عليه وسلم".encode())
    assert text_bound("日本".encode()) == 6
    assert text_bound(b"plain") == 5


def test_an_image_costs_the_same_however_many_bytes_carry_it() -> None:
    def bound(size: int) -> int:
        url = {"url": "data:image/png;base64," + "A" * size}
        body = {
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]
        }
        return prompt_bound(json.dumps(body).encode(), body, image_tokens=500, hidden_tokens=7)

    assert bound(10) == bound(100_000)
    assert 500 + 7 < bound(10) < 500 + 7 + 200


def test_the_dearest_class_and_step_that_a_prompt_can_come_to_is_held() -> None:
    # 100 prompt tokens x 2500 pico (long writes) + 10 x 9000 = 340,000 pico = 340 nano
    rates = Rates(input=1000, cache_read=100, cache_write=1250, output=9000, cache_write_long=2500)
    dear = Rates(5000, 500, 6250, 18000, 12500)
    row = PriceRow(start=utc(NOW).date(), rates=rates, long_prompts=(LongPrompt(99, dear),))
    plain = PriceRow(start=utc(NOW).date(), rates=rates)
    assert Bound(100, 10).cost([plain]) == 340
    # 100 x 12,500 + 10 x 18,000 = 1,430,000 pico
    assert Bound(100, 10).cost([row]) == Bound(100, 10).cost([plain, row]) == 1430
    assert Bound(99, 10).cost([row]) == 338
