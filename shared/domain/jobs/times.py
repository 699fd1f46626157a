"""By when a deferred call must have done what: the numbers that its deadline is kept by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

HOUR: Final = 3600.0
Span = tuple[float, float]
"""From one epoch second to another."""


@dataclass(frozen=True)
class JobTimes:
    """All in seconds.

    ``longest_wait`` and ``wait_share``: a job waits for company so long at most, and for this part
    of the time it has. ``shortest_batch``: with less time left it is called at once.
    ``cancel_before`` its deadline a provider's batch that is not done is cancelled; by
    ``call_before`` its deadline a job is called, whatever its batch does. No more than
    ``calls_a_second`` can be called of all batches together, so both are earlier for a batch of
    many lines, and for one whose turn others have: by as long as that takes, and by an
    ``early_share`` of the time that the batch had at most.
    ``arrival``: how long after its sender must have ended a call may still arrive at a provider.
    ``accepting``: when an acceptance must have ended. ``calling``: when a call must have.
    ``nudging``: when a message that nobody acted on is sent again. ``lane``: how long a lane or a
    batch is leased without being renewed. ``grace``: how long after its
    deadline a hold stands, which is longer than a provider's batch lives. ``first_pause`` and
    ``longest_pause``: how long an account rests that is turned away (its limits, its bill).
    """

    longest_wait: float = 900.0
    wait_share: int = 8
    shortest_batch: float = 1_800.0
    cancel_before: float = 1_200.0
    call_before: float = 420.0
    calls_a_second: float = 2.0
    early_share: int = 4
    arrival: float = 1_200.0
    accepting: float = 1_200.0
    calling: float = 1_200.0
    nudging: float = 120.0
    lane: float = 300.0
    grace: float = 26 * HOUR
    first_poll: float = 30.0
    longest_poll: float = 600.0
    first_pause: float = 60.0
    longest_pause: float = 3_600.0
    kept: float = 30 * 24 * HOUR

    def hurried(self, times: int) -> JobTimes:
        """Return the numbers for a world whose batches go so many times as fast."""
        return replace(
            self,
            longest_wait=self.longest_wait / times,
            first_poll=self.first_poll / times,
            longest_poll=self.longest_poll / times,
            first_pause=self.first_pause / times,
            longest_pause=self.longest_pause / times,
        )

    def is_for_batch(self, now: float, deadline: float, early: float = 0.0) -> bool:
        """Whether there is the time to join a provider's batch.

        One that comes back from a batch that was cancelled ``early`` needs as much more: else all
        its lines would only join the next one.
        """
        return deadline - now >= self.shortest_batch + early

    def early(
        self, lines: int, now: float, first_deadline: float, taken: Iterable[Span] = ()
    ) -> float:
        """Return how much earlier than others the lines of a batch planned now are called.

        As late as there is the time to call all of them, leaving out what others have ``taken``.
        """
        has = max(0.0, self.cancel_at(first_deadline) - now)
        needed, latest = lines / self.calls_a_second, self.call_at(first_deadline)
        until = latest
        for start, end in sorted(taken, key=lambda span: span[1], reverse=True):
            if start < until and end > until - needed:
                until = start
        return min(latest - until + needed, has / self.early_share)

    def calls(self, lines: int, first_deadline: float, early: float) -> Span:
        """Return when the lines of a batch are called, if it comes to that."""
        start = self.call_at(first_deadline, early)
        return start, start + lines / self.calls_a_second

    def go_at(self, now: float, deadline: float) -> float:
        """Return when a job that may wait from now on must go, with or without company."""
        return now + min(self.longest_wait, max(0.0, deadline - now) / self.wait_share)

    def cancel_at(self, deadline: float, early: float = 0.0) -> float:
        """Return when a batch that holds a job with this deadline is cancelled."""
        return deadline - self.cancel_before - early

    def call_at(self, deadline: float, early: float = 0.0) -> float:
        """Return when a job with this deadline is called at the latest."""
        return deadline - self.call_before - early

    def band(self, now: float, deadline: float) -> int:
        """Return which jobs a job goes with: those that have about as long, within a factor of 2.

        So one near deadline does not make many far ones go back.
        """
        return int(max(0.0, deadline - now) / self.shortest_batch).bit_length()

    def account_pause(self, pauses: int) -> float:
        """Return how long an account rests that was turned away so many times before."""
        return min(self.longest_pause, self.first_pause * 2.0 ** min(pauses, 16))

    def next_poll(self, before: float) -> float:
        """Return the pause after a pause before which nothing had changed."""
        return min(self.longest_poll, max(self.first_poll, before * 3 / 2))
