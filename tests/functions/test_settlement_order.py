"""Everything is settled, stored and logged before the bytes that end an answer are sent.

The environment freezes when the answer ends, and a caller may be gone at any time. These tests
speak ASGI themselves: they see each message as it is sent, and hang up where they choose.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from shared.adapters.memory import MemoryReply
from tests.functions.conftest import (
    Gateway,
    as_chunks,
    chunk,
    completion,
    make_gateway,
    run,
    stream_frames,
    usage_chunk,
)

Message = dict[str, Any]


class Caller:
    """One HTTP exchange, message by message."""

    def __init__(self, gateway: Gateway, *, stream: bool) -> None:
        body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        self._body = json.dumps(body).encode()
        self._scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/chat/completions", "raw_path": b"/v1/chat/completions",
            "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080), "state": {},
            "headers": [(b"authorization", f"Bearer {gateway.keys['search']}".encode())],
        }  # fmt: skip
        self._gateway = gateway
        self._gone = asyncio.Event()
        self._read = False
        self.sent: list[Message] = []

    async def exchange(self, watch: Callable[[Message], bool] = lambda _: False) -> None:
        """Run the exchange; hang up as soon as ``watch`` says so of a sent message."""

        async def receive() -> Message:
            if not self._read:
                self._read = True
                return {"type": "http.request", "body": self._body, "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            self.sent.append(dict(message))
            if watch(dict(message)):
                self._gone.set()
            await asyncio.sleep(0)

        await self._gateway.app(self._scope, receive, send)

    def hang_up(self) -> None:
        self._gone.set()


def is_settled_and_stored(gateway: Gateway) -> bool:
    return bool(gateway.ledger.rows and gateway.store.answers and gateway.meter.settlements)


def body_of(message: Message) -> bytes:
    body: bytes = message.get("body", b"")
    return body


def test_tokens_flow_before_and_done_comes_after_the_settlement(gateway: Gateway) -> None:
    seen: list[tuple[bytes, bool]] = []

    def watch(message: Message) -> bool:
        seen.append((body_of(message), is_settled_and_stored(gateway)))
        return False

    run(Caller(gateway, stream=True).exchange(watch))
    [before] = {settled for body, settled in seen if b'"Hel"' in body}
    [after] = {settled for body, settled in seen if b"[DONE]" in body}
    [finish] = {settled for body, settled in seen if b'"finish_reason":"stop"' in body}
    assert (before, finish, after) == (False, True, True)


def test_a_whole_answer_is_settled_before_its_first_byte(gateway: Gateway) -> None:
    seen: list[bool] = []

    def watch(_: Message) -> bool:
        seen.append(is_settled_and_stored(gateway))
        return False

    run(Caller(gateway, stream=False).exchange(watch))
    assert seen == [True, True]


def test_a_replayed_stream_is_recorded_before_done(gateway: Gateway) -> None:
    seen: list[bool] = []

    async def exchange() -> None:
        await Caller(gateway, stream=True).exchange()

        def watch(message: Message) -> bool:
            if b"[DONE]" in body_of(message):
                seen.append(len(gateway.ledger.rows) == 2)
            return False

        await Caller(gateway, stream=True).exchange(watch)

    run(exchange())
    assert seen == [True]


@pytest.mark.parametrize("moment", [b'"content": ""', b'"Hel"', b'" you"', b"[DONE]"])
def test_a_caller_who_hangs_up_in_a_stream_is_settled_and_the_answer_stored(
    gateway: Gateway, moment: bytes
) -> None:
    async def slowly() -> Any:
        for number, part in enumerate(stream_frames()):
            if number == 2:
                await asyncio.sleep(0.02)
            yield part

    gateway.answer_with(lambda _: MemoryReply(slowly()))

    async def exchange() -> None:
        caller = Caller(gateway, stream=True)
        await caller.exchange(lambda message: moment in body_of(message))
        await gateway.router.background.drain()

    run(exchange())
    assert is_settled_and_stored(gateway)
    [(entry, settlement)] = gateway.meter.settlements
    assert settlement.usage_source == "provider"
    assert settlement.cost_nano == 3500
    assert (entry.request_id, 1) in gateway.ledger.rows


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_hangs_up_before_the_headers_is_settled_all_the_same(
    gateway: Gateway, stream: bool
) -> None:
    async def late() -> Any:
        await asyncio.sleep(0.05)
        async for part in gateway_answer(stream):
            yield part

    gateway.answer_with(lambda _: MemoryReply(late()))

    async def exchange() -> None:
        caller = Caller(gateway, stream=stream)
        task = asyncio.create_task(caller.exchange())
        await asyncio.sleep(0.02)
        assert caller.sent == []
        caller.hang_up()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await gateway.router.background.drain()

    run(exchange())
    assert is_settled_and_stored(gateway)


def gateway_answer(stream: bool) -> Any:
    return as_chunks(*(stream_frames() if stream else [completion()]))


def test_a_caller_who_reads_slowly_slows_the_provider_not_the_memory(gateway: Gateway) -> None:
    produced = []

    async def many() -> Any:
        for number in range(500):
            produced.append(number)
            yield chunk({"content": f"{number} "})
        for part in (chunk({}, "stop"), usage_chunk(), b"data: [DONE]\n\n"):
            yield part

    gateway.answer_with(lambda _: MemoryReply(many()))
    most_ahead = 0

    async def exchange() -> None:
        nonlocal most_ahead
        caller = Caller(gateway, stream=True)

        def watch(_: Message) -> bool:
            nonlocal most_ahead
            most_ahead = max(most_ahead, len(produced) - len(caller.sent))
            return False

        await caller.exchange(watch)

    run(exchange())
    assert len(produced) == 500
    assert most_ahead <= 70


def test_a_silent_provider_gets_comments_sent_to_the_caller() -> None:
    gateway = make_gateway("openai", keep_alive_seconds=0.1)
    caller = Caller(gateway, stream=True)

    def comments() -> int:
        return [body_of(message) for message in caller.sent].count(b": keep-alive\n\n")

    async def silent() -> Any:
        while comments() < 2:  # noqa: ASYNC110 -- the caller has no event to wait for
            await asyncio.sleep(0.01)
        for part in stream_frames():
            yield part

    gateway.answer_with(lambda _: MemoryReply(silent()))
    run(caller.exchange())
    bodies = [body_of(message) for message in caller.sent]
    assert bodies.index(b": keep-alive\n\n") < [b"Hel" in body for body in bodies].index(True)
    assert caller.sent[0]["status"] == 200
