"""The state that data points call for: M out of N, and what a missing point counts as.

User guide, "Configuring how CloudWatch alarms treat missing data", whose tables are the tests.
Its tables leave one case out that an older edition had: too few points, all of them breaching
and too young to alarm, are insufficient data, or retain the state under ``ignore``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What an alarm says."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """What a missing data point counts as."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True)
class Rule:
    """``needed`` breaching points out of ``periods`` raise the alarm (M out of N)."""

    needed: int
    periods: int
    missing: Missing


@dataclass(frozen=True)
class Verdict:
    """The state called for (None: stay as you are), and how it came about.

    ``used`` are the positions of the real points that were looked at, oldest first; ``filled``
    is how many more the missing-data rule stood in for.
    """

    state: State | None
    used: tuple[int, ...]
    filled: int


def judge(points: Sequence[bool | None], rule: Rule) -> Verdict:
    """Judge the points of an evaluation range, oldest first: breaching, not breaching, missing."""
    real = [place for place, point in enumerate(points) if point is not None]
    used = tuple(real[-rule.periods :])
    breaching = sum(bool(points[place]) for place in used)
    filled = rule.periods - len(used)
    if filled and rule.missing is Missing.BREACHING:
        breaching += filled
    if breaching >= rule.needed:
        return Verdict(State.ALARM, used, filled)
    if filled == 0 or rule.missing in {Missing.BREACHING, Missing.NOT_BREACHING}:
        return Verdict(State.OK, used, filled)
    return Verdict(_with_gaps(points, used, rule), used, filled)


def _with_gaps(points: Sequence[bool | None], used: Sequence[int], rule: Rule) -> State | None:
    """Judge too few points where nothing stands in for those that are missing."""
    if any(points[place] is False for place in used):
        return State.OK
    if rule.missing is Missing.IGNORE:
        return None
    # "Premature alarm state": all there is breaches, and has for as long as an alarm needs.
    old_enough = bool(used) and len(points) - used[0] >= rule.needed
    return State.ALARM if old_enough else State.INSUFFICIENT_DATA
