"""Bedrock's adapter through the real botocore, against the simulator: its bill is the judge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared import catalog
from shared.adapters import aws
from shared.adapters.providers.bedrock import BedrockUpstream, connect_to
from shared.adapters.providers.handover import THREAD_NAME
from shared.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from shared.domain.formats.anthropic_messages import ANTHROPIC_MESSAGES as FORMAT
from shared.domain.prices import TokenCounts
from shared.domain.sse import EventReader
from shared.domain.usage import MalformedUsage, anthropic_usage
from tests.contracts.test_store import ENTRY
from tests.open_holds import open_hold
from tests.unit.simulator.conftest import Simulator

Json = dict[str, Any]
HOLD = open_hold(ENTRY)
CATALOG = catalog.load(["bedrock"])
BEDROCK = CATALOG.providers["bedrock"]
MODELS = sorted(m.id for m in CATALOG.priced.values() if m.provider == "bedrock")
HAIKU = "global.anthropic.claude-haiku-5-5"
TOOL = {
    "name": "weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
both = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(autouse=True)
def _role(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The region and the credentials that a function has; no thread outlives its test."""
    # Other tests may have left a session with another region and other credentials.
    aws.session.cache_clear()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    yield
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(60)
            assert not thread.is_alive()


def send(url: str, text: str, *, seconds: float = 10, **fields: Any) -> tuple[int, bytes]:
    message = {"role": "user", "content": text}
    body = {"model": HAIKU, "max_tokens": 2000, "messages": [message], **fields}

    # Made beforehand, so that a short deadline is that of the call alone.
    client = connect_to(url)(BEDROCK)

    async def work() -> tuple[int, bytes]:
        upstream = BedrockUpstream(lambda _: client)
        raw = json.dumps(body).encode()
        async with upstream.post(HOLD, BEDROCK, "/", raw, timeout_seconds=seconds) as reply:
            return reply.status, b"".join([part async for part in reply.chunks()])

    with contextlib.closing(client):
        return asyncio.run(work())


def message_of(raw: bytes, *, stream: bool) -> Json:
    """Return the message that a reply says, as the use cases read it."""
    if not stream:
        whole: Json = json.loads(raw)
        return whole
    gathering = FORMAT.gather(1)
    for event in EventReader().feed(raw):
        decoded = FORMAT.decode(event)
        assert decoded is not None
        gathering.add(decoded)
    # A stream that broke before its first event says nothing at all.
    return {**(gathering.whole() if raw else {}), "usage": gathering.usage}


def ask(simulator: Simulator, text: str, *, stream: bool, **fields: Any) -> Json:
    status, raw = send(simulator.url, text, stream=stream, **fields)
    assert status == 200, raw
    return message_of(raw, stream=stream)


def our_nano(message: Json, model: str = HAIKU) -> int:
    from shared.clock import utc

    price = CATALOG.model(model).price(utc(ENTRY.opened_at))
    return price.cost(anthropic_usage(message["usage"]))


@both
@pytest.mark.parametrize("model", MODELS)
def test_an_answer_costs_what_the_provider_books(
    simulator: Simulator, model: str, stream: bool
) -> None:
    message = ask(simulator, "[echo alpha beta]", stream=stream, model=model)
    assert message["content"] == [{"type": "text", "text": "alpha beta"}]
    assert message["stop_reason"] == "end_turn"
    line = simulator.line()
    assert line["protocol"] == "bedrock-converse"
    assert line["cost_nano"] == our_nano(message, model)


@both
def test_tools_thinking_images_and_limits_pass_through(simulator: Simulator, stream: bool) -> None:
    called = ask(
        simulator, "hello", stream=stream, tools=[TOOL], tool_choice={"type": "any"},
    )  # fmt: skip
    [call] = called["content"]
    assert (call["type"], call["name"], called["stop_reason"]) == (
        "tool_use",
        "weather",
        "tool_use",
    )
    assert isinstance(call["input"]["city"], str)
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "sunny"}
    image = {"type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}  # fmt: skip
    history = [
        {"role": "user", "content": [image, {"type": "text", "text": "[think 3] hello"}]},
        {"role": "assistant", "content": called["content"]},
        {"role": "user", "content": [result]},
    ]
    answered = ask(
        simulator, "", stream=stream, messages=history, tools=[TOOL],
        thinking={"type": "adaptive"}, system="Be brief.", stop_sequences=["zzz"],
    )  # fmt: skip
    thought, text = answered["content"]
    assert thought["type"] == "thinking"
    assert thought["signature"]
    assert text["text"]
    cut = ask(simulator, "[long 200]", stream=stream, max_tokens=5)
    assert cut["stop_reason"] == "max_tokens"
    assert ask(simulator, "[refuse]", stream=stream)["stop_reason"] == "refusal"


@both
def test_a_prompt_cache_is_written_read_and_priced(simulator: Simulator, stream: bool) -> None:
    system = [
        {"type": "text", "text": "长" * 5_000, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "短" * 1_000, "cache_control": {"type": "ephemeral"}},
    ]
    first, second = (
        ask(simulator, "[echo a]", stream=stream, system=system, max_tokens=9) for _ in range(2)
    )
    # "[echo a]" is 4 tokens; 3 frame the message and 3 prime the answer.
    written = TokenCounts(input=10, cache_write=1_000, cache_write_long=5_000, output=1)
    assert anthropic_usage(first["usage"]) == written
    assert anthropic_usage(second["usage"]) == TokenCounts(input=10, cache_read=6_000, output=1)
    bills = [line["cost_nano"] for line in simulator.lines(2)]
    assert bills == [our_nano(first), our_nano(second)]


@both
@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_a_refusal_keeps_its_status_and_is_asked_once(
    simulator: Simulator, status: int, stream: bool
) -> None:
    simulator.fault(kind="status", status=status, retry_after=3)
    told, raw = send(simulator.url, "x", stream=stream)
    assert told == status
    assert json.loads(raw)["error"]["message"]
    assert simulator.books()["totals"]["cost_nano"] == 0


@both
def test_a_model_that_takes_too_long_is_a_timeout(simulator: Simulator, stream: bool) -> None:
    simulator.fault(kind="status", status=408)
    with pytest.raises(UpstreamTimedOut):
        send(simulator.url, "x", stream=stream)


def outcome(simulator: Simulator, *, stream: bool) -> Json | GatewayError:
    with contextlib.suppress(UpstreamFailed):
        status, raw = send(simulator.url, "[echo a b c d]", stream=stream)
        assert status == 200
        return message_of(raw, stream=stream)
    return UpstreamFailed("as expected")


@both
@pytest.mark.parametrize("after", [0, 3, 99])
@pytest.mark.parametrize("kind", ["disconnect", "malformed", "truncate"])
def test_a_broken_answer_is_a_failure_or_has_no_usage_that_money_would_trust(
    simulator: Simulator, kind: str, after: int, stream: bool
) -> None:
    simulator.fault(kind=kind, after_chunks=after)
    found = outcome(simulator, stream=stream)
    if isinstance(found, GatewayError):
        return
    with pytest.raises(MalformedUsage):
        anthropic_usage(found["usage"])
    assert stream
    assert after == 99 or kind == "truncate"


@both
@pytest.mark.parametrize("value", [None, "none", 7, [], {}, {"inputTokens": "ten"}])
def test_wrong_usage_is_a_failure_or_unknown_and_never_zero(
    simulator: Simulator, value: object, stream: bool
) -> None:
    simulator.fault(kind="usage", value=value)
    found = outcome(simulator, stream=stream)
    if not isinstance(found, GatewayError):
        with pytest.raises(MalformedUsage):
            anthropic_usage(found["usage"])


def test_an_error_in_mid_stream_is_anthropics_error_event(simulator: Simulator) -> None:
    simulator.fault(kind="error_event", after_chunks=2, status=429)
    _, raw = send(simulator.url, "[echo a b c]", stream=True)
    *_, last = EventReader().feed(raw)
    assert last.name == "error"
    assert json.loads(last.data)["error"]["type"] == "rate_limit_error"


@both
@pytest.mark.parametrize("fault", ["stall", "slow_first_byte"])
def test_silence_ends_with_the_deadline(simulator: Simulator, fault: str, stream: bool) -> None:
    simulator.fault(kind=fault, seconds=1.5)
    with pytest.raises(UpstreamTimedOut):
        send(simulator.url, "x", stream=stream, seconds=0.3)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@both
def test_a_connection_that_is_never_made_cannot_have_billed(closed_port: int, stream: bool) -> None:
    with pytest.raises(UpstreamFailed) as failed:
        send(f"http://127.0.0.1:{closed_port}", "x", stream=stream)
    assert failed.value.may_bill is False
