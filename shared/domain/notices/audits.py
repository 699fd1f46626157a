"""When the books were last looked at: remembered among what people were told."""

from __future__ import annotations

from typing import Final

from shared.domain.notices.alarm_notices import AlarmTold

LAST_AUDIT: Final = "daily-audit"
LAST_GAP: Final = "daily-gap"
"""Both stand among the alarms: no alarm of a stack is called so."""
DAILY: Final = (LAST_AUDIT, LAST_GAP)
OVERDUE_HOURS: Final = 25
"""Each is due every day; it may begin late and take its time."""


def done(name: str, before: AlarmTold | None, now: float) -> AlarmTold:
    """Return what is remembered after one of them, or when it is first waited for."""
    version = before.version + 1 if before else 1
    return AlarmTold(name, is_off=False, at=round(now * 1000), version=version)


def overdue_hours(last: AlarmTold, now: float) -> int:
    """Return for how many hours one has been overdue, rounded down; 0 where it is not."""
    hours = int(now - last.at / 1000) // 3600
    return max(0, hours - OVERDUE_HOURS + 1)
