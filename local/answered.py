"""What API Gateway counts of a request: the source of the series that it publishes of itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import Message, Send


@dataclass(frozen=True)
class Answered:
    """One request that the front door answered.

    ``at`` is the world's time of its start in epoch seconds, the latencies are in milliseconds by
    the machine; ``integration`` is until the function's first bytes, None where none was asked.
    """

    at: float
    status: int
    latency: float
    integration: float | None = None


Observer = Callable[[Answered], None]
"""Takes every answer on the event loop of the world."""


def nobody(_: Answered) -> None:
    """Count nothing."""


@dataclass
class Stopwatch:
    """Measures one request; its ``send`` stands in for the server's."""

    at: float
    inner: Send
    status: int | None = None
    _begun: float = field(default_factory=time.monotonic)
    _asked: float | None = None
    _heard: float | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on and note the status in it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.inner(message)

    def asked(self) -> None:
        """Note that a function is asked now."""
        self._asked = time.monotonic()

    def heard(self) -> None:
        """Note that something came back."""
        if self._heard is None:
            self._heard = time.monotonic()

    def answered(self) -> Answered | None:
        """Return what was measured, or None if there was no answer."""
        if self.status is None:
            return None
        latency = (time.monotonic() - self._begun) * 1000
        if self._asked is None or self._heard is None:
            return Answered(self.at, self.status, latency)
        return Answered(self.at, self.status, latency, (self._heard - self._asked) * 1000)
