"""Another model is tried until the provider's first byte; what fails is left alone by all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.adapters.memory import MemoryReply
from shared.domain.budgets import OpenHold
from shared.domain.errors import UpstreamFailed, UpstreamTimedOut
from shared.domain.health import Health
from tests.functions.conftest import (
    Gateway,
    as_chunks,
    chunk,
    make_gateway,
    run,
    stream_frames,
    usual_answer,
)

USER = {"role": "user", "content": "hi"}
FIRST, SECOND, THIRD = "gpt-6.1-terra", "grok-4.7", "gpt-6.1-sol"


def failing_for(*models: str, status: int = 503, **headers: str) -> Any:
    def answer(body: dict[str, Any]) -> MemoryReply:
        if body["model"] in models:
            return MemoryReply(as_chunks(b"{}"), status, headers)
        return usual_answer(body)

    return answer


def models_of(gateway: Gateway) -> list[str]:
    return [body["model"] for body in gateway.sent_bodies]


@pytest.mark.parametrize("stream", [False, True])
def test_the_next_model_of_the_tier_answers_when_the_first_fails(
    gateway: Gateway, stream: bool
) -> None:
    gateway.answer_with(failing_for(FIRST))
    response = run(gateway.chat(model="mid", stream=stream))
    assert response.status_code == 200
    assert response.headers["x-sluice-model"] == SECOND
    assert "fallback from gpt-6.1-terra (502)" in response.headers["x-sluice-route-reason"]
    assert models_of(gateway) == [FIRST, SECOND]
    outcomes = [(e.attempt, e.model, s.outcome) for e, s in gateway.meter.settlements]
    assert outcomes == [(1, FIRST, "failed"), (2, SECOND, "answered")]
    assert len(gateway.ledger.entries) == len(gateway.ledger.rows) == 2


def test_when_all_candidates_fail_the_last_error_is_told(gateway: Gateway) -> None:
    gateway.answer_with(failing_for(FIRST, SECOND, THIRD))
    assert run(gateway.chat(model="mid")).status_code == 502
    assert models_of(gateway) == [FIRST, SECOND, THIRD]


def test_a_named_model_has_no_stand_in(gateway: Gateway) -> None:
    gateway.answer_with(failing_for(FIRST))
    assert run(gateway.chat(model=FIRST)).status_code == 502
    assert models_of(gateway) == [FIRST]


def test_a_request_at_fault_is_not_tried_elsewhere(gateway: Gateway) -> None:
    gateway.answer_with(failing_for(FIRST, status=400))
    assert run(gateway.chat(model="mid")).status_code == 400
    assert models_of(gateway) == [FIRST]
    assert gateway.store.health == {}


@pytest.mark.parametrize("error", [UpstreamFailed("reset"), UpstreamTimedOut("late")])
@pytest.mark.parametrize("stream", [False, True])
def test_after_the_first_byte_no_other_model_is_asked(
    gateway: Gateway, error: Exception, stream: bool
) -> None:
    async def broken() -> Any:
        yield chunk({"content": "x"}) if stream else b'{"choices"'
        raise error

    gateway.answer_with(lambda _: MemoryReply(broken()))
    run(gateway.chat(model="mid", stream=stream))
    assert models_of(gateway) == [FIRST]


@pytest.fixture
def impatient() -> Gateway:
    return make_gateway("openai", "xai", first_byte_seconds=0.5, stall_seconds=0.5)


def test_a_stream_that_does_not_begin_is_given_up_for_another_model(impatient: Gateway) -> None:
    async def silent() -> Any:
        await asyncio.sleep(30)
        yield b""

    impatient.answer_with(
        lambda body: MemoryReply(silent()) if body["model"] == FIRST else usual_answer(body)
    )
    response = run(impatient.chat(model="mid", stream=True))
    assert response.headers["x-sluice-model"] == SECOND
    assert "[DONE]" in response.text


def test_a_stream_that_stalls_ends_with_an_error(impatient: Gateway) -> None:
    async def stalled() -> Any:
        yield chunk({"content": "x"})
        await asyncio.sleep(30)

    impatient.answer_with(lambda _: MemoryReply(stalled()))
    text = run(impatient.chat(stream=True)).text
    assert "upstream_timed_out" in text
    assert "[DONE]" not in text


def test_three_failures_make_a_model_rest_and_a_success_forgets_them(gateway: Gateway) -> None:
    gateway.answer_with(failing_for(FIRST))
    for number in range(3):
        run(gateway.chat(f"question {number}", model="mid"))
    assert gateway.store.health[FIRST].resting_until == gateway.time[0] + 30
    del gateway.upstream.sent[:]
    resting = run(gateway.chat("another", model="mid"))
    assert models_of(gateway) == [SECOND]
    assert "gpt-6.1-terra rests" in resting.headers["x-sluice-route-reason"]
    gateway.time[0] += 30
    gateway.answer_with(usual_answer)
    assert run(gateway.chat("later", model="mid")).headers["x-sluice-model"] == FIRST
    assert gateway.store.health == {}


def test_a_failure_after_a_rest_starts_another_at_once(gateway: Gateway) -> None:
    gateway.store.health[FIRST] = Health(3, gateway.time[0] - 1)
    gateway.answer_with(failing_for(FIRST))
    run(gateway.chat(model="mid"))
    assert gateway.store.health[FIRST].is_resting(gateway.time[0])


@pytest.mark.parametrize(("said", "rests"), [("7", 7), (None, 5), ("999999", 300)])
def test_a_retry_after_is_respected_by_every_instance(
    gateway: Gateway, said: str | None, rests: int
) -> None:
    headers = {"retry-after": said} if said else {}
    gateway.answer_with(failing_for(FIRST, status=429, **headers))
    assert run(gateway.chat(model="mid")).status_code == 200
    assert gateway.store.health[FIRST] == Health(1, gateway.time[0] + rests, "limited")
    named = run(gateway.chat("x", model=FIRST))
    assert (named.status_code, named.headers["retry-after"]) == (429, str(rests))
    assert models_of(gateway) == [FIRST, SECOND]


def test_a_resting_model_that_was_named_is_refused_with_the_time_to_wait(gateway: Gateway) -> None:
    gateway.store.health[FIRST] = Health(3, gateway.time[0] + 12)
    refused = run(gateway.chat(model=FIRST))
    assert (refused.status_code, refused.headers["retry-after"]) == (502, "12")
    assert gateway.upstream.sent == []
    assert gateway.ledger.entries == {}


def test_health_that_cannot_be_shared_does_not_fail_the_call(gateway: Gateway) -> None:
    gateway.store.down = {"count_failure", "forget_failures"}
    gateway.answer_with(failing_for(FIRST))
    assert run(gateway.chat(model="mid")).status_code == 200
    assert "unshared" in [what for what, _ in gateway.meter.troubles]


def test_no_model_is_tried_past_the_deadline(gateway: Gateway) -> None:
    def late(body: dict[str, Any]) -> MemoryReply:
        gateway.time[0] += 1000
        return MemoryReply(as_chunks(b"{}"), 503)

    gateway.answer_with(late)
    assert run(gateway.chat(model="mid")).status_code == 502
    assert models_of(gateway) == [FIRST]


def test_a_provider_that_sends_no_status_line_is_given_up_for_another_model(
    impatient: Gateway,
) -> None:
    @asynccontextmanager
    async def post(hold: OpenHold, *rest: Any, **options: Any) -> AsyncIterator[MemoryReply]:
        if hold.entry.model == FIRST:
            await asyncio.sleep(30)
        async with usual_post(hold, *rest, **options) as reply:
            yield reply

    usual_post, impatient.upstream.post = impatient.upstream.post, post  # type: ignore[method-assign]
    response = run(impatient.chat(model="mid", stream=True))
    assert response.headers["x-sluice-model"] == SECOND
    assert "[DONE]" in response.text


def test_a_whole_answer_that_took_all_its_time_is_not_asked_for_elsewhere(
    gateway: Gateway,
) -> None:
    def late(body: dict[str, Any]) -> MemoryReply:
        gateway.time[0] += 280
        return MemoryReply(as_chunks(b"{}"), 503)

    gateway.answer_with(late)
    assert run(gateway.chat(model="mid")).status_code == 502
    assert models_of(gateway) == [FIRST]


def test_a_translated_stream_carries_the_id_of_the_attempt_that_answered(
    impatient: Gateway,
) -> None:
    """What an attempt that came to nothing would have been called is never told."""

    def named(identity: str, *parts: bytes) -> MemoryReply:
        renamed = (part.replace(b'"id": "c"', b'"id": "%s"' % identity.encode()) for part in parts)
        return MemoryReply(as_chunks(*renamed))

    def answer(body: dict[str, Any]) -> MemoryReply:
        if body["model"] == FIRST:
            return named("chatcmpl-first")  # it accepts the call and closes without a byte
        return named("chatcmpl-second", *stream_frames())

    impatient.answer_with(answer)
    asked = {"model": "mid", "max_tokens": 50, "stream": True, "messages": [USER]}
    headers = {"x-api-key": impatient.keys["search"]}
    told = run(impatient.post(json.dumps(asked).encode(), headers, "/v1/messages")).text
    assert models_of(impatient) == [FIRST, SECOND]
    assert told.count('"msg_second"') == told.count('"id":"msg_') == 1


def test_after_the_first_byte_a_translated_stream_keeps_its_one_id(impatient: Gateway) -> None:
    first = [part.replace(b'"id": "c"', b'"id": "chatcmpl-first"') for part in stream_frames()]

    async def broken() -> Any:
        for part in first[:3]:
            yield part
        raise UpstreamFailed("reset")

    impatient.answer_with(lambda _: MemoryReply(broken()))
    asked = {"model": "mid", "max_tokens": 50, "stream": True, "messages": [USER]}
    headers = {"x-api-key": impatient.keys["search"]}
    told = run(impatient.post(json.dumps(asked).encode(), headers, "/v1/messages")).text
    assert models_of(impatient) == [FIRST]
    assert told.count('"id":"msg_first"') == told.count('"id":"msg_') == 1
    assert "event: error" in told
