"""When the books were last looked at: remembered beside what people were told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Daily = Literal["audit", "gap"]
DAILY: Final[tuple[Daily, ...]] = ("audit", "gap")
OVERDUE_HOURS: Final = 25
"""Each is due every day; it may begin late and take its time."""


@dataclass(frozen=True)
class DailyDone:
    """When one of them was last done, or first waited for, in epoch milliseconds.

    ``version`` as everywhere.
    """

    name: Daily
    at: int
    version: int = 0

    def overdue_hours(self, now: float) -> int:
        """Return for how many hours it has been overdue, rounded down; 0 where it is not."""
        hours = int(now - self.at / 1000) // 3600
        return max(0, hours - OVERDUE_HOURS + 1)


def done(name: Daily, before: DailyDone | None, now: float) -> DailyDone:
    """Return what is remembered after one of them, or when it is first waited for."""
    return DailyDone(name, round(now * 1000), before.version + 1 if before else 1)
