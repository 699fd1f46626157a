"""Bedrock behind both doors: the router's app over the real adapter and a scripted client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.router.app import create_app
from shared.adapters.memory import MemoryMeter, MemoryStore, MemoryUpstream
from shared.adapters.providers.bedrock import BedrockUpstream
from shared.adapters.upstream import Egress
from shared.domain.api_keys import compose_key, key_digest
from shared.domain.entries import KeyRow
from shared.settings import RouterSettings
from shared.wiring.router import build_router
from tests.functions.conftest import Gateway, run, usual_answer
from tests.unit.adapters.converse import USAGE, events_of, response

MODEL = "global.anthropic.claude-sonnet-5-5"
HAIKU = "global.anthropic.claude-haiku-5-5"
COST_NANO = 7 * 2_000 + 5 * 10_000
Json = dict[str, Any]
both = pytest.mark.parametrize("stream", [False, True])


class Client:
    """A ``bedrock-runtime`` client that says hello, or raises what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Json] = []
        self.error: Exception | None = None
        self.usage: Any = USAGE
        self.events: Callable[[list[Json]], list[Json]] = lambda events: events

    def converse(self, **asked: Any) -> Json:
        self._take(asked)
        return response([{"text": "hello"}], usage=self.usage)

    def converse_stream(self, **asked: Any) -> Json:
        self._take(asked)
        events = self.events(list(events_of([{"text": "hello"}], "end_turn", self.usage)))
        return {"stream": _Events(events), "ResponseMetadata": {"RequestId": "r-1"}}

    def _take(self, asked: Json) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error


class _Events(list[Json]):
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def bedrock(client: Client) -> Gateway:
    """A gateway with two providers: Bedrock without a secret, OpenAI scripted as usual."""
    settings = RouterSettings(
        environment="dev",
        cache_table="cache",
        ledger_table="ledger",
        jobs_table="jobs",
        batches_bucket="batches",
        jobs_queue="jobs",
        providers=("openai", "bedrock"),
        provider_secrets={"openai": "arn:1"},
        policy_version="p1",
        baseline_model="gpt-6-astra",
    )
    time = [1_795_330_000.0]
    store, meter = MemoryStore(), MemoryMeter()
    openai = MemoryUpstream(lambda *call: usual_answer(json.loads(call[3])))
    upstream = Egress(
        {"openai-chat": openai, "bedrock-converse": BedrockUpstream(lambda _: client)}
    )
    router = build_router(
        settings,
        clock=lambda: time[0],
        stores=(store, store.ledger),
        upstream=upstream,
        meter=meter,
    )
    made = Gateway(create_app(router), router, store, store.ledger, openai, meter, time)
    key = compose_key("dev", "search", bytes(24))
    store.create(KeyRow("search.1", "dev", "search", key_digest(key), "test", 1))
    made.keys["search"] = key
    return made


def messages(gateway: Gateway, **fields: Any) -> Any:
    body = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"x-api-key": gateway.keys["search"]}
    return run(gateway.post(json.dumps(body | fields).encode(), headers, "/v1/messages"))


def settled(gateway: Gateway) -> list[tuple[str, str, int]]:
    return [(s.outcome, s.usage_source, s.cost_nano) for _, s in gateway.meter.settlements]


@both
def test_both_doors_answer_and_the_ledger_has_what_was_used(bedrock: Gateway, stream: bool) -> None:
    chat = run(bedrock.chat(model=MODEL, stream=stream))
    message = messages(bedrock, stream=stream)
    assert (chat.status_code, message.status_code) == (200, 200)
    assert chat.headers["x-sluice-model"] == message.headers["x-sluice-model"] == MODEL
    assert settled(bedrock) == [("answered", "provider", COST_NANO)] * 2
    assert ("[DONE]" in chat.text) is stream
    assert ("message_stop" in message.text) is stream


@both
def test_a_repeat_is_served_from_the_cache(bedrock: Gateway, client: Client, stream: bool) -> None:
    first, again = (run(bedrock.chat(model=MODEL, stream=stream)) for _ in range(2))
    assert (first.headers["x-sluice-cache"], again.headers["x-sluice-cache"]) == ("miss", "hit")
    assert len(client.asked) == 1


def test_an_enabled_provider_without_a_secret_is_listed(bedrock: Gateway) -> None:
    listed = run(
        bedrock.call(
            "GET", "/v1/models", headers={"authorization": f"Bearer {bedrock.keys['search']}"}
        )
    )
    assert MODEL in {model["id"] for model in listed.json()["data"]}


def refused(code: str, status: int) -> ClientError:
    told: Any = {
        "Error": {"Code": code, "Message": "maxTokens is too large"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {"retry-after": "9"}},
    }
    return ClientError(told, "Converse")


@both
@pytest.mark.parametrize(
    ("error", "status", "charged"),
    [
        (refused("ThrottlingException", 429), 429, False),
        (refused("ServiceUnavailableException", 503), 502, False),
        (refused("ModelNotReadyException", 429), 502, False),
        (refused("ValidationException", 400), 400, False),
        (refused("AccessDeniedException", 403), 502, False),
        (refused("ModelTimeoutException", 408), 504, True),
        (refused("InternalServerException", 500), 502, True),
        (EndpointConnectionError(endpoint_url="u"), 502, False),
    ],
)
def test_a_failure_is_told_in_the_doors_shape_and_charged_only_in_doubt(
    bedrock: Gateway, client: Client, error: Exception, status: int, charged: bool, stream: bool
) -> None:
    client.error = error
    told = messages(bedrock, stream=stream)
    assert told.status_code == status
    assert told.json()["type"] == "error"
    if status == 400:
        assert "maxTokens is too large" in told.json()["error"]["message"]
    if status == 429:
        assert told.headers["retry-after"] == "9"
    if "AccessDenied" in str(error):
        assert "refused the gateway's role" in told.text, "there is no key that could be wrong"
    [(outcome, _, cost)] = settled(bedrock)
    assert outcome == ("refused" if status == 400 else "failed")
    assert (cost > 0) is charged
    assert bedrock.store.answers == {}


def test_what_converse_cannot_carry_goes_to_a_model_that_can(
    bedrock: Gateway, client: Client
) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    words = {"type": "text", "text": "What is this?"}
    content: Any = [words, image]
    answered = run(bedrock.chat(content, model="nano"))
    assert answered.status_code == 200
    assert answered.headers["x-sluice-model"] == "gpt-6-luna"
    assert f"fallback from {HAIKU} (400)" in answered.headers["x-sluice-route-reason"]
    assert [row[0] for row in settled(bedrock)] == ["refused", "answered"]
    named = run(bedrock.chat(content, model=MODEL))
    assert named.status_code == 400
    assert named.json()["error"]["param"] == "messages[0].content[1].source"
    assert client.asked == []
    assert bedrock.store.health == {}


@pytest.mark.parametrize("break_off_after", [1, 3])
def test_a_stream_that_breaks_is_charged_by_estimate_and_not_by_the_zeros_it_began_with(
    bedrock: Gateway, client: Client, break_off_after: int
) -> None:
    client.events = lambda events: events[:break_off_after]
    text = messages(bedrock, stream=True).text
    assert "event: error" in text
    [(outcome, source, cost)] = settled(bedrock)
    assert (outcome, source) == ("failed", "estimated")
    assert cost >= COST_NANO


@both
def test_an_answer_without_usage_is_delivered_and_charged_by_estimate(
    bedrock: Gateway, client: Client, stream: bool
) -> None:
    client.usage = {}
    assert messages(bedrock, stream=stream).status_code == 200
    [(outcome, source, cost)] = settled(bedrock)
    assert (outcome, source) == ("answered", "estimated")
    assert cost >= COST_NANO
    assert bedrock.store.answers == {}
