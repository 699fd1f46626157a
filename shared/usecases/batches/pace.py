"""How fast a batch's usage rows are written: its team's calls write to the same partition.

DynamoDB takes a thousand write units a second in one partition, and a row of up to a kilobyte in a
transaction costs two (Developer Guide, "Best practices for designing and using partition keys
effectively" and "Amazon DynamoDB Transactions: How it works"). All rows of a team's day stand in
one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.clock import Clock

UNITS_A_ROW: Final = 2
"""A test measures rows with all that they may hold."""
LINES_A_SECOND: Final = 300
"""Three fifths of what a partition takes; the rest is for the calls that somebody waits for."""
LINES_AT_ONCE: Final = 3_000
"""So many are written without a pause: partitions save up what was not used for five minutes."""


class Pace:
    """Holds a writer of many rows back. For one thread."""

    def __init__(self, clock: Clock, pause: Callable[[float], None]) -> None:
        self._clock = clock
        self._pause = pause
        self._digested_at: dict[str, float] = {}

    def wait(self, partition: str, lines: int) -> None:
        """Wait until some more lines may be written to a partition."""
        now = self._clock()
        busy = {name: at for name, at in self._digested_at.items() if at > now}
        digested_at = busy.get(partition, now)
        ahead = digested_at - now - LINES_AT_ONCE / LINES_A_SECOND
        if ahead > 0:
            self._pause(ahead)
        self._digested_at = {**busy, partition: digested_at + lines / LINES_A_SECOND}
