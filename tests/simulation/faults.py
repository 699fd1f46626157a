"""What can go wrong at a call, and who decides when it does."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from random import Random
from typing import Protocol


class Fault(Enum):
    """What happens to one call; each says what its sender is told."""

    NONE = "carried out and answered"
    CRASH_BEFORE = "the process dies before it is sent"
    CRASH_AFTER = "carried out, and the process dies before the answer"
    SENT_TWICE = "carried out, the answer is lost, and it is sent once more"
    SENT_TWICE_IN_VAIN = "the same, and the second send is turned away by another transaction"
    LOST = "never arrives; an error"
    ANSWER_LOST = "carried out; an error"
    ARRIVES_LATE = "an error, and carried out later"
    ARRIVES_AGAIN = "carried out and answered, and carried out once more later"
    CONFLICT = "turned away because of another transaction"


EVERY_FAULT = tuple(fault for fault in Fault if fault is not Fault.NONE)
READ_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST)
PROVIDER_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.LOST)


class Faults(Protocol):
    """Decides what happens at each point: an AWS call or a provider call, counted from 0."""

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Return the fault of a point."""


class NoFaults:
    """All goes well."""

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Return none."""
        return Fault.NONE


class RandomFaults:
    """Each point has the same chance of one of some faults."""

    def __init__(self, chance: Random, rate: float, among: Sequence[Fault]) -> None:
        self._chance = chance
        self._rate = rate
        self._among = among

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Draw."""
        likely = [fault for fault in possible if fault in self._among]
        if not likely or self._chance.random() >= self._rate:
            return Fault.NONE
        return self._chance.choice(likely)


class SingleFault:
    """One fault at one point."""

    def __init__(self, point: int, fault: Fault) -> None:
        self._point = point
        self._fault = fault

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Return the fault at its point, if it is possible there."""
        is_here = point == self._point and self._fault in possible
        return self._fault if is_here else Fault.NONE
