"""Who may plan and submit at a provider's account: one process at a time, for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.clock import Clock
from shared.domain.jobs.provider_batch import Lane
from shared.ports.jobs import BatchStore

_HOUR: Final = 3600


class LaneLost(Exception):
    """Another process has the lane: this one stops where it is."""


class Lanes:
    """Takes lanes."""

    def __init__(
        self, batches: BatchStore, clock: Clock, seconds: float, name: Callable[[], str]
    ) -> None:
        self._batches = batches
        self._clock = clock
        self._seconds = seconds
        self._name = name

    def take(self, provider: str) -> HeldLane | None:
        """Return the lane, unless another process has it."""
        seen, now = self._batches.lane(provider), self._clock()
        if now < seen.until:
            return None
        after = seen.changed(owner=self._name(), until=now + self._seconds)
        if self._batches.move_lane(seen, after) != after:
            return None
        return HeldLane(self._batches, self._clock, self._seconds, after)


class HeldLane:
    """A lane that this process has. Its methods raise ``LaneLost`` once it has it no more."""

    def __init__(self, batches: BatchStore, clock: Clock, seconds: float, lane: Lane) -> None:
        self._batches = batches
        self._clock = clock
        self._seconds = seconds
        self._lane = lane

    def renew(self) -> None:
        """Keep it for longer."""
        if self._clock() > self._lane.until - self._seconds / 2:
            self._change(until=self._clock() + self._seconds)

    def may_create(self, most: int) -> bool:
        """Whether the provider takes another batch this hour."""
        is_new_hour = self._lane.hour != self._hour()
        return is_new_hour or self._lane.creates < most

    def count_create(self) -> None:
        """Count a batch that is about to be created."""
        creates = self._lane.creates if self._lane.hour == self._hour() else 0
        until = self._clock() + self._seconds
        self._change(hour=self._hour(), creates=creates + 1, until=until)

    def leave(self) -> None:
        """Let others have it."""
        self._change(until=0.0, owner="")

    def _change(self, **changes: object) -> None:
        after = self._lane.changed(**changes)
        if self._batches.move_lane(self._lane, after) != after:
            raise LaneLost
        self._lane = after

    def _hour(self) -> int:
        return int(self._clock()) // _HOUR
