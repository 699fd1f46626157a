"""How many batches an account may begin in an hour."""

from __future__ import annotations

from collections import deque

HOUR_SECONDS = 3_600


class Creates:
    """The creates of the last hour, by account. Times are epoch seconds of the injected clock."""

    def __init__(self, an_hour: int) -> None:
        self._an_hour = an_hour
        self._made: dict[str, deque[float]] = {}

    def wait(self, account: str, at: float) -> int:
        """Return the seconds until the account may create again; 0 when it may now."""
        made = self._made.setdefault(account, deque())
        while made and made[0] <= at - HOUR_SECONDS:
            made.popleft()
        if len(made) < self._an_hour:
            return 0
        return max(1, round(made[0] + HOUR_SECONDS - at))

    def count(self, account: str, at: float) -> None:
        """Note a create."""
        self._made.setdefault(account, deque()).append(at)

    def reset(self) -> None:
        """Forget every create."""
        self._made.clear()
