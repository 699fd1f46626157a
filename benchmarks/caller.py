"""The caller: sends prepared requests over kept connections and times the answers.

It reads HTTP itself, so that its own cost is small and the same for every contender.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"


class Refused(RuntimeError):
    """A contender answered with another status than was expected; says what it sent."""


@dataclass(frozen=True)
class Timing:
    """One answer's times, in seconds from when the caller wanted to send."""

    first_byte: float
    whole: float


class Caller:
    """One kept connection to one process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes, status: int) -> tuple[float, float]:
        """Return when the first byte of the body and when all of it was there (monotonic)."""
        self._writer.write(request)
        head = await self._reader.readuntil(_END_OF_HEAD)
        first, body = await self._body(head.lower())
        if int(head.split(b" ", 2)[1]) != status:
            raise Refused(f"{head!r} {body[:500]!r}")
        return first, time.perf_counter()

    async def _body(self, head: bytes) -> tuple[float, bytes]:
        if b"transfer-encoding: chunked" in head:
            return await self._chunks()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        return time.perf_counter(), body

    async def _chunks(self) -> tuple[float, bytes]:
        first, body = 0.0, b""
        while size := int(await self._reader.readline(), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
            first = first or time.perf_counter()
        await self._reader.readline()
        return first, body

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def connect(port: int) -> Caller:
    """Connect to a process on this machine."""
    return Caller(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))


def ask_in_turn(port: int, request: bytes, times: int, status: int) -> list[Timing]:
    """Ask one process so many times, one after the other."""
    return asyncio.run(_ask([port], request, times, 1, status))


def ask_together(
    ports: Sequence[int], request: bytes, times: int, callers: int, status: int
) -> list[Timing]:
    """Ask with so many callers at once; a port that stands there twice takes two at a time.

    A caller waits for a free place, as a request waits where every environment is busy; its
    time counts from when it began to wait.
    """
    return asyncio.run(_ask(ports, request, times, callers, status))


async def _ask(
    ports: Sequence[int], request: bytes, times: int, callers: int, status: int
) -> list[Timing]:
    places: asyncio.Queue[Caller] = asyncio.Queue()
    for port in ports:
        places.put_nowait(await connect(port))
    timings: list[Timing] = []

    async def call() -> None:
        while len(timings) < times:
            wanted = time.perf_counter()
            place = await places.get()
            first, whole = await place.ask(request, status)
            places.put_nowait(place)
            timings.append(Timing(first - wanted, whole - wanted))
            await asyncio.sleep(0)  # whoever waited longest is next, not this caller again

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())
    while not places.empty():
        places.get_nowait().close()
    return timings[:times]
