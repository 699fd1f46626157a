"""Looks through the waiting rooms: what a lost message or a dead process left is found here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Final

from shared.clock import Clock
from shared.domain.errors import StoreUnavailable
from shared.domain.jobs.job import NOW, Job, Waiting
from shared.domain.jobs.times import JobTimes
from shared.ports.calls import Meter
from shared.ports.jobs import JobStore
from shared.usecases.crashes import Crashes
from shared.usecases.jobs.calling import CallNow
from shared.usecases.jobs.rooms import Rooms

_READ_ROWS: Final = 10_000
_FEWEST_NUDGED: Final = 16
"""Messages on their way at once for jobs to be called: eight for each of two dispatchers, the
fewest there are, or what all get through before one is sent again. More would come too early."""


class Tending:
    """Hurries, calls for, and cleans up after jobs. Raises ``StoreUnavailable``."""

    def __init__(
        self,
        jobs: JobStore,
        rooms: Rooms,
        call_now: CallNow,
        times: JobTimes,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._jobs = jobs
        self._rooms = rooms
        self._call_now = call_now
        self._times = times
        self._clock = clock
        self._meter = meter
        self._nudges = 0

    def run(self, rooms: Iterable[str], until: float, may_send: Callable[[str], bool]) -> None:
        """Look through the rooms of batches, and through the room of those who are called.

        Jobs of a room for which ``may_send`` is false wait for nothing and are called at once.
        Stops at ``until``, in epoch seconds. Raises ``Crashed`` once all had their turn, where one
        failed unexpectedly.
        """
        crashes = Crashes(self._meter)
        waiting = self._rows(NOW)
        self._nudges = self._most_nudged() - sum(map(self._is_nudged, waiting))
        for row, job in self._living([waiting], until):
            with crashes.kept(StoreUnavailable, job=job.id):
                self._call(row, job)
        overdue = (self._overdue(room, may_send) for room in rooms)
        for row, job in self._living(overdue, until):
            with crashes.kept(StoreUnavailable, job=job.id):
                self._hurry(job, is_stranded=not may_send(row.room))
        crashes.raise_any()

    def _most_nudged(self) -> int:
        return max(_FEWEST_NUDGED, round(self._times.calls_a_second * self._times.nudging))

    def _living(
        self, rooms: Iterable[list[Waiting]], until: float
    ) -> Iterator[tuple[Waiting, Job]]:
        living = (each for rows in rooms for each in self._rooms.living(rows))
        return takewhile(lambda _: self._clock() < until, living)

    def _rows(self, room: str) -> list[Waiting]:
        return self._jobs.waiting(room, most=_READ_ROWS)

    def _overdue(self, room: str, may_send: Callable[[str], bool]) -> list[Waiting]:
        is_stranded = not may_send(room)
        return [row for row in self._rows(room) if is_stranded or self._is_overdue(row)]

    def _is_overdue(self, row: Waiting) -> bool:
        now = self._clock()
        is_forgotten = now >= row.since + self._times.accepting
        return is_forgotten or now >= self._times.cancel_at(row.deadline)

    def _hurry(self, job: Job, *, is_stranded: bool) -> None:
        is_late = self._clock() >= self._times.cancel_at(job.deadline)
        if job.has_hold_left:
            self._rooms.give_hold_back(job)
        elif job.state == "queued" and (is_stranded or is_late):
            after = self._rooms.hurry(job, tries=job.tries)
            if after.filed != job.filed:
                self._rooms.leave(job)

    def _is_nudged(self, row: Waiting) -> bool:
        """Whether a message is on its way, or should be."""
        return self._clock() < row.nudged_at + self._times.nudging

    def _call(self, row: Waiting, job: Job) -> None:
        now = self._clock()
        if job.calling is not None:
            self._call_now.resolve(job)
        elif job.has_hold_left:
            self._rooms.give_hold_back(job)
        elif now >= job.deadline:
            self._call_now.too_late(job)
        elif now >= row.go_at and not self._is_nudged(row) and self._nudges > 0:
            self._nudges -= 1
            self._jobs.file(replace(row, nudged_at=now))
            self._rooms.nudge([job])
