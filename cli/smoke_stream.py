"""Whether an answer streams: when each of its words arrived, and what that proves.

A model needs time for its words; a proxy that holds an answer back hands them over all at once.
So the words of a stream arrive in many bursts over a while, those of a held-back one in one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final

BURST_GAP_SECONDS: Final = 0.01
"""Words closer together than this count as one burst: packets of one delivery are closer."""

LEAST_BURSTS: Final = 3
LEAST_LEAD_SECONDS: Final = 0.1
"""How long before its last word an answer must have begun. The fastest models say the words
asked for in several times as long, a held-back answer crosses a network in a fraction of it."""


@dataclass(frozen=True)
class Event:
    """One event of a stream: its data, and seconds from the request to its arrival."""

    at: float
    data: str

    @property
    def text(self) -> str:
        """The words in it, if any, of a chat completion's chunk."""
        choices = self.chunk.get("choices") or [{}]
        return str((choices[0].get("delta") or {}).get("content") or "")

    @property
    def chunk(self) -> dict[str, Any]:
        """The event's JSON, or nothing for ``[DONE]``."""
        return {} if self.data == "[DONE]" else dict(json.loads(self.data))


def events_of(pieces: Iterable[bytes], begun: float) -> Iterator[Event]:
    """Yield a stream's events as they arrive; ``begun`` is the request's monotonic time."""
    rest = b""
    for piece in pieces:
        now = time.monotonic() - begun
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.startswith(b"data:"):
                yield Event(now, line.removeprefix(b"data:").strip().decode())


@dataclass(frozen=True)
class Arrival:
    """When the words of one answer arrived, in seconds from its request."""

    words: Sequence[float]

    @property
    def lead(self) -> float:
        """How long before the last word the first one came."""
        return self.words[-1] - self.words[0] if self.words else 0.0

    @property
    def gaps(self) -> list[float]:
        """The pauses between bursts."""
        steps = (later - earlier for earlier, later in pairwise(self.words))
        return [step for step in steps if step >= BURST_GAP_SECONDS]

    @property
    def bursts(self) -> int:
        """In how many deliveries the words came."""
        return len(self.gaps) + 1 if self.words else 0

    @property
    def streamed(self) -> bool:
        """Whether the words came as they were said."""
        return self.bursts >= LEAST_BURSTS and self.lead >= LEAST_LEAD_SECONDS

    def told(self) -> str:
        """Return the timestamps that prove it, for a person."""
        if not self.words:
            return "no words at all"
        times = f"first word after {self.words[0]:.3f} s, last after {self.words[-1]:.3f} s"
        gaps = f", gaps of {_span(self.gaps)}" if self.gaps else ""
        return f"{times}, {self.bursts} burst{'s' * (self.bursts != 1)}{gaps}"


def _span(gaps: Sequence[float]) -> str:
    low, middle, high = (round(1000 * gap) for gap in (min(gaps), median(gaps), max(gaps)))
    return f"{low} to {high} ms (median {middle})"
