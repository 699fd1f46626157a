"""Files and messages with faults: what S3 and SQS promise, and not a bit more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

from shared.adapters.memory_jobs import MemoryBlobs
from shared.domain.errors import StoreUnavailable
from tests.simulation.deferred.steps import Steps
from tests.simulation.faults import PROVIDER_FAULTS, Fault
from tests.simulation.scheduler import Clock

Place = tuple[str, str]
_READS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST)
_VISIBILITY = 6 * 900.0 + 60


class FaultyBlobs(MemoryBlobs):
    """``Blobs``: a file is whole or not there."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        """Write a file."""
        whole = b"".join(parts)
        fault = self._steps.step(f"write {key.rpartition('/')[2]}", PROVIDER_FAULTS)
        if fault is not Fault.LOST:
            self.files[key] = whole
        self._told(fault)

    def read(self, key: str) -> Iterator[bytes]:
        """Read a file."""
        self._told(self._steps.step(f"read {key.rpartition('/')[2]}", _READS))
        return super().read(key)

    def delete(self, key: str) -> None:
        """Delete a file."""
        fault = self._steps.step("delete", PROVIDER_FAULTS)
        if fault is not Fault.LOST:
            super().delete(key)
        self._told(fault)

    def _told(self, fault: Fault) -> None:
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is not Fault.NONE:
            raise StoreUnavailable("bucket")


class FaultyQueue:
    """``JobQueue``: messages come at least once, in any order, and again if nobody deletes them."""

    def __init__(self, steps: Steps, clock: Clock, chance: Random) -> None:
        self._steps = steps
        self._clock = clock
        self._chance = chance
        self._messages: dict[int, tuple[float, Place]] = {}
        self._numbers = 0

    def send(self, jobs: Sequence[Place]) -> None:
        """Send messages, some of them twice."""
        fault = self._steps.step("send", PROVIDER_FAULTS)
        if fault is not Fault.LOST:
            for place in jobs:
                for _ in range(1 + (self._chance.random() < 0.2)):
                    self._numbers += 1
                    self._messages[self._numbers] = (0.0, place)
        if fault is Fault.CRASH_AFTER:
            self._steps.crash()
        if fault is not Fault.NONE:
            raise StoreUnavailable("queue")

    def receive(self, most: int = 3) -> dict[int, Place]:
        """Take some messages, which nobody else sees for a while."""
        now = self._clock.now
        visible = [number for number, (at, _) in self._messages.items() if at <= now]
        self._chance.shuffle(visible)
        taken = {number: self._messages[number][1] for number in visible[:most]}
        for number, place in taken.items():
            self._messages[number] = (now + _VISIBILITY, place)
        return taken

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete messages that were handled."""
        for number in numbers:
            self._messages.pop(number, None)
