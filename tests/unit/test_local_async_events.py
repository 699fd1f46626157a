from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local.async_events import AsyncEvent, AsyncEvents


class Broken:
    """A function whose invocation ends in a defect of the local world's own."""

    function = SimpleNamespace(name="broken")

    async def invoke(self, payload: bytes, request_id: str) -> Any:
        raise RuntimeError("a defect")


def test_who_waits_for_a_first_try_that_is_lost_is_not_left_waiting() -> None:
    told: list[str] = []
    events = AsyncEvents(
        policies={}, clients=cast("Any", None), clock=lambda: 0.0, report=told.append
    )

    async def wait() -> None:
        first = events.accept(AsyncEvent(cast("Any", Broken()), b"{}", "id"))
        async with asyncio.timeout(30):
            await asyncio.wait([first])
        with pytest.raises(asyncio.CancelledError):
            first.result()

    asyncio.run(wait())
    assert told == ["broken: an asynchronous event was lost: RuntimeError('a defect')"]
    assert events.waiting("broken") == 0
