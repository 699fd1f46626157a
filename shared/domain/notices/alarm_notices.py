"""Alarms as CloudWatch tells them, and which of their changes people are told.

SNS delivers at least once and in no order. What people know of an alarm is remembered with the
time of the change, so an event that arrives again tells nothing new. One that went off and whose
end arrived first is told all the same, with its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
_STATES: Final = ("OK", "ALARM", "INSUFFICIENT_DATA")
_MOST_TEXT: Final = 1000
_ON_ITS_WAY_MS: Final = 60_000


class NoAlarm(ValueError):
    """A text that is no alarm of CloudWatch's."""


@dataclass(frozen=True)
class AlarmChange:
    """An alarm that changed its state at ``at``, in epoch milliseconds.

    ``says`` is its description, ``reason`` what CloudWatch saw.
    """

    name: str
    state: AlarmState
    at: int
    says: str
    reason: str


@dataclass(frozen=True)
class AlarmTold:
    """What is known of an alarm: its last change, and when it last went off, if it ever did.

    ``version`` counts how often this was written: whoever decided by an older one decides anew.
    """

    name: str
    is_off: bool
    at: int
    since: int = 0
    version: int = 0


LAST_AUDIT: Final = "daily-audit"
"""Stands among the alarms for the last audit: no alarm of a stack is called so."""
AUDIT_OVERDUE_HOURS: Final = 25
"""An audit is due every day; it may begin late and take its time."""


def audited(before: AlarmTold | None, now: float) -> AlarmTold:
    """Return what is remembered after an audit, or when audits are first waited for."""
    version = before.version + 1 if before else 1
    return AlarmTold(LAST_AUDIT, is_off=False, at=round(now * 1000), version=version)


def overdue_hours(last: AlarmTold, now: float) -> int:
    """Return for how many hours an audit has been overdue, rounded down; 0 where it is not."""
    hours = int(now - last.at / 1000) // 3600
    return max(0, hours - AUDIT_OVERDUE_HOURS + 1)


@dataclass(frozen=True)
class AlarmNotice:
    """A change that is new: the alarm went off, or is over.

    ``is_over`` tells of one that went off that it is over already: its end arrived first.
    """

    change: AlarmChange
    before: AlarmTold | None
    is_over: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether it tells that the alarm is over."""
        return self.change.state != "ALARM"

    @property
    def is_told(self) -> bool:
        """Whether people are told, or it is only remembered because they know."""
        was_off = self.before is not None and self.before.is_off
        return was_off == self.is_clear

    @property
    def since(self) -> int:
        """When it went off, in epoch milliseconds; 0 if it never did."""
        was_off = self.before is not None and self.before.is_off
        if self.before is not None and (self.is_clear or was_off):
            return self.before.since
        return 0 if self.is_clear else self.change.at

    @property
    def after(self) -> AlarmTold:
        """What is known once people have been told."""
        version = self.before.version + 1 if self.before else 1
        at = self.before.at if self.before and self.is_over else self.change.at
        is_off = not (self.is_clear or self.is_over)
        return AlarmTold(self.change.name, is_off, at, self.since, version)


def alarm_notice(change: AlarmChange, told: AlarmTold | None) -> AlarmNotice | None:
    """Return what is new about a change, or None."""
    if change.state == "INSUFFICIENT_DATA":
        return None
    if told is None or change.at > told.at:
        return AlarmNotice(change, told)
    came_late = change.state == "ALARM" and not told.is_off and change.at > told.since
    return AlarmNotice(change, told, is_over=True) if came_late else None


def missed(standing: AlarmChange, told: AlarmTold | None, now: float) -> AlarmChange | None:
    """Return the change that nobody told of where an alarm stands otherwise than is known, or None.

    What changed within a minute may still be on its way, here or there. It is dated by CloudWatch
    where that is later than what is known, and by now where it is not.
    """
    was_off = told is not None and told.is_off
    known_at = told.at if told is not None else 0
    now_at = round(now * 1000)
    if standing.state == "INSUFFICIENT_DATA" or was_off == (standing.state == "ALARM"):
        return None
    if now_at - known_at < _ON_ITS_WAY_MS:
        return None
    is_dated = known_at < standing.at <= now_at
    return replace(standing, at=standing.at if is_dated else now_at)


def parse_alarm(text: str) -> AlarmChange:
    """Read what CloudWatch publishes when an alarm changes; raises :class:`NoAlarm`."""
    try:
        told: Mapping[str, Any] = json.loads(text)
        state = told["NewStateValue"]
        at = datetime.strptime(told["StateChangeTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
        name, says, reason = (
            str(told[each])[:_MOST_TEXT]
            for each in ("AlarmName", "AlarmDescription", "NewStateReason")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NoAlarm(f"no alarm of CloudWatch's: {type(error).__name__}") from error
    if state not in _STATES:
        raise NoAlarm("no alarm of CloudWatch's: an unknown state")
    return AlarmChange(name, state, round(at.timestamp() * 1000), says, reason)
