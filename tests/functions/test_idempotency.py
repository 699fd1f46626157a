"""``Idempotency-Key``: a retry gets the first answer, never a second bill."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.adapters.memory import MemoryReply
from tests.functions.conftest import Gateway, as_chunks, completion, run, stream_frames

KEY = {"idempotency-key": "order-7", "x-sluice-cache": "bypass"}


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_key_and_body_get_the_first_answer_at_no_cost(
    gateway: Gateway, stream: bool
) -> None:
    first = run(gateway.chat(headers=KEY, stream=stream))
    again = run(gateway.chat(headers=KEY, stream=stream))
    assert first.status_code == again.status_code == 200
    assert len(gateway.upstream.sent) == 1
    assert again.headers["x-sluice-cost-usd"] == "0"
    assert again.headers["x-sluice-route-reason"] == "idempotent replay"
    assert ("[DONE]" in again.text) == stream


def test_a_truncated_answer_is_replayed_too(gateway: Gateway) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(reason="length"))))
    first = run(gateway.chat(headers=KEY))
    assert run(gateway.chat(headers=KEY)).json() == first.json()
    assert len(gateway.upstream.sent) == 1


def test_the_same_key_with_another_body_is_refused(gateway: Gateway) -> None:
    run(gateway.chat("one", headers=KEY))
    refused = run(gateway.chat("two", headers=KEY))
    assert refused.status_code == 422
    assert refused.json()["error"]["param"] == "Idempotency-Key"


def test_a_retry_while_the_first_call_goes_on_is_a_conflict(gateway: Gateway) -> None:
    async def both() -> tuple[Any, Any]:
        release, asked = asyncio.Event(), asyncio.Event()

        async def slow() -> Any:
            asked.set()
            await release.wait()
            yield completion()

        gateway.answer_with(lambda _: MemoryReply(slow()))
        first = asyncio.create_task(gateway.chat(headers=KEY))
        await asked.wait()
        second = await gateway.chat(headers=KEY)
        release.set()
        return await first, second

    first, second = run(both())
    assert (first.status_code, second.status_code) == (200, 409)


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_failed_may_be_tried_again(gateway: Gateway, stream: bool) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(b"{}"), 503))
    assert run(gateway.chat(headers=KEY, stream=stream)).status_code == 502
    parts = stream_frames() if stream else [completion()]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    assert run(gateway.chat(headers=KEY, stream=stream)).status_code == 200


def test_a_call_that_was_refused_before_a_provider_may_be_tried_again(gateway: Gateway) -> None:
    assert run(gateway.chat(model="gpt-2", headers=KEY)).status_code == 400
    assert gateway.store.claims == {}


def test_a_hit_is_remembered_under_the_key(gateway: Gateway) -> None:
    run(gateway.chat())
    headers = {"idempotency-key": "order-8"}
    assert run(gateway.chat(headers=headers)).headers["x-sluice-route-reason"] == "exact cache"
    gateway.store.answers.clear()
    replayed = run(gateway.chat(headers=headers))
    assert replayed.headers["x-sluice-route-reason"] == "idempotent replay"


def test_keys_of_two_teams_are_two_keys(gateway: Gateway) -> None:
    run(gateway.chat("one", headers=KEY, team="search"))
    assert run(gateway.chat("two", headers=KEY, team="support")).status_code == 200


def test_a_key_is_forgotten_after_a_day(gateway: Gateway) -> None:
    run(gateway.chat(headers=KEY))
    gateway.time[0] += 24 * 3600
    run(gateway.chat(headers=KEY))
    assert len(gateway.upstream.sent) == 2


def test_without_the_table_of_claims_nothing_is_asked_of_a_provider(gateway: Gateway) -> None:
    gateway.store.down = {"claim"}
    assert run(gateway.chat(headers=KEY)).status_code == 503
    assert gateway.upstream.sent == []
