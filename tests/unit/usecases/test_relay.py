"""The relay outlives its caller and never holds its producer up for good."""

from __future__ import annotations

import asyncio

import pytest

from shared.domain.errors import GatewayError, UpstreamFailed
from shared.usecases import relay as relay_module
from shared.usecases.relay import Relay


def new_relay() -> Relay:
    return Relay(lambda error: error.message.encode(), keep_alive_seconds=5)


async def produce(relay: Relay, frames: int) -> None:
    async with relay.feeding():
        for number in range(frames):
            await relay.send(b"%d" % number)


def test_frames_arrive_in_order_and_end() -> None:
    async def work() -> list[bytes]:
        relay = new_relay()
        task = asyncio.create_task(produce(relay, 200))
        await relay.begun()
        got = [frame async for frame in relay.frames()]
        await task
        return got

    assert asyncio.run(work()) == [b"%d" % number for number in range(200)]


@pytest.mark.timeout(30)
def test_an_abandoned_relay_lets_its_producer_run_on() -> None:
    async def work() -> None:
        relay = new_relay()
        task = asyncio.create_task(produce(relay, 1000))
        await relay.begun()
        relay.abandon()
        await task

    asyncio.run(work())


@pytest.mark.timeout(30)
def test_a_caller_cancelled_while_waiting_for_the_first_frame_abandons_the_relay() -> None:
    async def work() -> None:
        relay = new_relay()
        waiting = asyncio.create_task(relay.begun())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await produce(relay, 1000)

    asyncio.run(work())


@pytest.mark.timeout(30)
def test_a_caller_who_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "_READER_SECONDS", 0.05)

    async def work() -> list[bytes]:
        relay = new_relay()
        await produce(relay, 1000)
        return [frame async for frame in relay.frames()]

    assert asyncio.run(work()) == [b"The caller stopped reading the stream."]


def test_an_error_before_the_first_frame_keeps_its_own_status() -> None:
    async def work() -> None:
        relay = new_relay()

        async def fail() -> None:
            async with relay.feeding():
                raise UpstreamFailed("x")

        await fail()
        await relay.begun()

    with pytest.raises(UpstreamFailed):
        asyncio.run(work())


def test_a_crash_ends_the_stream_with_an_error_and_goes_on_up() -> None:
    async def work() -> list[bytes]:
        relay = new_relay()

        async def crash() -> None:
            async with relay.feeding():
                await relay.send(b"one")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await crash()
        return [frame async for frame in relay.frames()]

    one, told = asyncio.run(work())
    assert one == b"one"
    assert told == GatewayError("The gateway failed while it read the answer.").message.encode()
