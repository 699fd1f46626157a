"""When a batch's parts happen, in epoch seconds of the simulator's clock.

A batch of 20 lines takes about eleven minutes and one of 50,000 about three hours, which is
within what the real providers say ("most batches finish in less than an hour") and do. The
simulator's ``--batch-speedup`` divides all of it but the 24 hours after which a batch expires.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

EXPIRY_SECONDS = 86_400
VALIDATING_SECONDS = 10.0
WAITING_SECONDS = 600.0
LINE_SECONDS = 0.2
CLOSING_SECONDS = 20.0
"""For finalizing a batch, or for cancelling one."""


@dataclass(frozen=True)
class Course:
    """What was scripted for a batch. Shares are of its lines; ``done`` of 0: none is ever begun.

    ``failing`` lines, spread evenly, end in an error of ``status``; nothing is billed for them.
    ``invalid``: the batch fails its validation, for a limit of the account's where ``code`` says.
    """

    done: float = 1
    failing: float = 0
    status: int = 500
    invalid: bool = False
    code: str | None = None

    def fails(self, place: int) -> bool:
        """Tell whether the line at a place, counted from 0, is one of those that fail."""
        return math.floor((place + 1) * self.failing) > math.floor(place * self.failing)


@dataclass(frozen=True)
class Schedule:
    """One batch's times; lines from ``reached`` on never have their turn."""

    created: float
    total: int
    speedup: float
    course: Course

    @property
    def begins(self) -> float:
        """When the batch is known to be valid, or not to be."""
        return self.created + VALIDATING_SECONDS / self.speedup

    @property
    def expires(self) -> float:
        """When lines that had no turn lose it."""
        return self.created + EXPIRY_SECONDS

    @property
    def closing(self) -> float:
        """Seconds from the last line to the results."""
        return CLOSING_SECONDS / self.speedup

    @property
    def reached(self) -> int:
        """How many lines will have their turn."""
        return math.floor(self.total * self.course.done)

    def due(self, place: int) -> float:
        """Return when the line at a place, counted from 0, is answered."""
        if place >= self.reached:
            return math.inf
        return self.begins + (WAITING_SECONDS + (place + 1) * LINE_SECONDS) / self.speedup
