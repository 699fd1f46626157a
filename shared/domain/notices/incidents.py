"""When people are told of alarms: a first firing at once, what follows within an hour together.

An *incident* is one alarm, or several that say the same, as burn rates over several windows do.
Once its people know that something is wrong, repeats and ends within the hour are *held back*.
At the end of the hour they are told what is so by then, and how often it went off meanwhile. An
end after a quiet hour is told at once, and what goes off after that is a first firing again. One
that keeps coming and going is told once an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.notices.alarm_notices import AlarmChange, AlarmTold, heard, section_of

HOLD_BACK_MS: Final = 3600 * 1000
TOGETHER: Final = {"burn-rate"}
"""Sections of the runbook whose alarms are one incident."""


@dataclass(frozen=True)
class IncidentTold:
    """Until when, in epoch milliseconds, people hear no more of an incident.

    ``is_page`` where they know that it needs somebody now. ``version`` as everywhere.
    """

    name: str
    quiet_until: int
    is_page: bool
    version: int = 0


@dataclass(frozen=True)
class Decided:
    """Rows to write, those of them before they count as told, and the incident if any is told."""

    rows: tuple[AlarmTold, ...]
    news: tuple[AlarmTold, ...] = ()
    incident: IncidentTold | None = None

    @property
    def written(self) -> list[AlarmTold | IncidentTold]:
        """Return everything that is written down."""
        return [*self.rows, *([] if self.incident is None else [self.incident])]


def incident_of(name: str, says: str) -> str:
    """Return the incident of an alarm with a name and a description."""
    section = section_of(says)
    return section if section in TOGETHER else name


def decide(
    incident: str,
    known: Mapping[str, AlarmTold],
    quiet: IncidentTold | None,
    changes: Iterable[AlarmChange],
    now: float,
) -> Decided | None:
    """Return what follows from changes of an incident's alarms, or None where nothing does.

    Without changes: from the end of a quiet hour.
    """
    after = dict(known)
    for change in sorted(changes, key=lambda each: each.at):
        row = heard(change, after.get(change.name))
        if row is not None:
            # One transaction writes a row once, whatever it has heard meanwhile.
            version = known[change.name].version if change.name in known else 0
            after[change.name] = replace(row, version=version + 1)
    now_ms = round(now * 1000)
    news = by_severity(row for row in after.values() if row.is_news)
    if not news or _is_held_back(news, quiet, now_ms):
        changed = tuple(row for name, row in after.items() if row != known.get(name))
        return Decided(changed) if changed else None
    told = tuple(_told(row, known.get(row.name)) for row in news)
    others = tuple(
        row
        for name, row in after.items()
        if row != known.get(name) and name not in {each.name for each in told}
    )
    return Decided((*told, *others), tuple(news), _incident(incident, news, quiet, now_ms))


def _is_held_back(news: list[AlarmTold], quiet: IncidentTold | None, now_ms: int) -> bool:
    """Whether people know enough: a page is not held back by a ticket."""
    if quiet is None or now_ms >= quiet.quiet_until:
        return False
    return quiet.is_page or not any(row.is_page and row.is_off for row in news)


def by_severity(rows: Iterable[AlarmTold]) -> list[AlarmTold]:
    """Return what is wrong first, pages before tickets."""
    return sorted(rows, key=lambda row: (not row.is_off, not row.is_page, row.since, row.name))


def _told(row: AlarmTold, known: AlarmTold | None) -> AlarmTold:
    version = known.version + 1 if known else 1
    return replace(row, told_off=row.is_off, untold=0, version=version)


def _incident(
    name: str, news: list[AlarmTold], quiet: IncidentTold | None, now_ms: int
) -> IncidentTold:
    """Return how long it is quiet now: an hour, unless only an end was told."""
    went_off = any(row.untold for row in news)
    was_page = quiet is not None and quiet.is_page and now_ms < quiet.quiet_until
    return IncidentTold(
        name,
        quiet_until=now_ms + (HOLD_BACK_MS if went_off else 0),
        is_page=was_page or any(row.is_page and row.untold for row in news),
        version=quiet.version + 1 if quiet else 1,
    )
