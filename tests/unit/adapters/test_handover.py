"""What a thread reads reaches the loop in order, bounded, and stops when nobody reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator

import pytest

from shared.adapters.providers.handover import from_thread


def test_items_arrive_in_order_and_more_of_them_than_the_queue_holds() -> None:
    def numbers() -> Generator[int, None, None]:
        yield from range(500)

    async def work() -> list[int]:
        async with from_thread(numbers) as items:
            return [item async for item in items]

    assert asyncio.run(work()) == list(range(500))


def test_an_error_is_raised_by_the_reading_after_the_items_before_it() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    async def work() -> list[int]:
        async with from_thread(broken) as items:
            read = [await anext(items)]
            with pytest.raises(ValueError, match="broken"):
                await anext(items)
            # The end stays the end.
            return read + [item async for item in items]

    assert asyncio.run(work()) == [1]


def test_a_thread_that_waits_for_room_ends_when_the_reader_leaves() -> None:
    closed = threading.Event()
    made: list[int] = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            closed.set()

    async def work() -> int:
        async with from_thread(endless) as items:
            first = await anext(items)
            await asyncio.sleep(0.05)
            assert len(made) < 100, "the thread runs ahead without bound"
        return first

    assert asyncio.run(work()) == 0
    assert closed.wait(60)


def test_a_thread_left_in_its_socket_wakes_no_loop_that_is_gone() -> None:
    speaks, ended = threading.Event(), threading.Event()

    def silent() -> Generator[int, None, None]:
        try:
            speaks.wait(5)
            yield 1
        finally:
            ended.set()

    async def work() -> None:
        async with asyncio.timeout(0.05), from_thread(silent) as items:
            await anext(items)

    with pytest.raises(TimeoutError):
        asyncio.run(work())
    speaks.set()
    assert ended.wait(60)
