"""Waiting for a time on the world's clock, which a test may move by a day at any moment."""

from __future__ import annotations

import asyncio

from shared.clock import Clock

LOOK_SECONDS = 0.1
"""How often the clock is looked at, in the machine's seconds: how late a waiter may be."""


async def until(moment: float, clock: Clock) -> None:
    """Wait until the clock, in epoch seconds, is at a moment or past it."""
    while (left := moment - clock()) > 0:  # noqa: ASYNC110 the clock is a file
        await asyncio.sleep(min(left, LOOK_SECONDS))
