"""Alarms as CloudWatch tells them, and what is known of each.

SNS delivers at least once and in no order. What is known of an alarm is remembered with the time
of the change, so an event that arrives again is nothing new. One that went off and whose end
arrived first counts all the same, as over. What people are told of it: :mod:`.incidents`.
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
WHAT_TO_DO: Final = " What to do: "
"""Parts an alarm's description: what it says, and where the runbook tells what to do."""
TICKET: Final = "[ticket]"
"""Ends what an alarm says that can wait for days. Without it, one is taken for a page."""


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
    """What is known of an alarm, and what of it people have been told.

    ``at`` is its last change, ``since`` when it last went off, both in epoch milliseconds.
    ``told_off`` is what people believe; ``untold`` how often it went off since they were told.
    ``version`` counts how often this was written: whoever decided by an older one decides anew.
    """

    name: str
    is_off: bool
    at: int
    since: int = 0
    version: int = 0
    told_off: bool = False
    untold: int = 0
    says: str = ""
    reason: str = ""

    @property
    def is_news(self) -> bool:
        """Whether people are to be told something, now or later."""
        return self.untold > 0 or self.is_off != self.told_off

    @property
    def is_page(self) -> bool:
        """Whether it needs somebody now."""
        return not self.says.partition(WHAT_TO_DO)[0].endswith(TICKET)


def section_of(says: str) -> str:
    """Return the section of the runbook that an alarm's description names."""
    return says.rpartition("#")[2]


def heard(change: AlarmChange, told: AlarmTold | None) -> AlarmTold | None:
    """Return what is known after a change, or None where it is nothing new."""
    if change.state == "INSUFFICIENT_DATA":
        return None
    before = told or AlarmTold(change.name, is_off=False, at=-1, since=-1)
    is_off = change.state == "ALARM"
    came_late = change.at <= before.at
    if came_late and not (is_off and not before.is_off and change.at > before.since):
        return None
    goes_off = is_off and not before.is_off
    return AlarmTold(
        change.name,
        is_off=is_off and not came_late,
        at=max(before.at, change.at),
        since=change.at if goes_off else max(0, before.since),
        version=before.version + 1,
        told_off=before.told_off,
        untold=before.untold + goes_off,
        says=change.says,
        reason=change.reason,
    )


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
