"""Composite alarms: a rule over the states of other alarms.

``ALARM(name)``, ``OK(name)``, ``INSUFFICIENT_DATA(name)``, ``TRUE`` and ``FALSE``, joined by
``NOT``, ``AND`` and ``OR``; a name may be quoted and may be an ARN (user guide, "Create a
composite alarm"). A composite alarm is in ALARM while its rule holds and OK otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from local.alarms.declaration import about, composite_rule
from local.alarms.definition import About
from local.alarms.errors import AlarmError
from local.alarms.verdict import State
from local.declared import Resource

States = Mapping[str, State]
"""States of alarms, by name."""
Rule = Callable[[States], bool]

_TOKEN = re.compile(r"""\s*(?:(?P<sign>[()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s()"]+))""")
_STATES = set(State)


@dataclass(frozen=True)
class CompositeAlarm:
    """A rule, its text, and the names of the alarms that it asks about."""

    about: About
    text: str
    children: tuple[str, ...]
    holds: Rule


def composite_alarm(resource: Resource) -> CompositeAlarm:
    """Read a declared composite alarm; raises :class:`AlarmError` that names it."""
    text = composite_rule(resource)
    try:
        reader = _Reader(_tokens(text))
        rule = reader.whole()
    except AlarmError as error:
        raise AlarmError(f"composite alarm {resource.name}: {error} in {text!r}") from error
    children = tuple(dict.fromkeys(reader.names))
    return CompositeAlarm(about(resource, "alarmName"), text, children, rule)


def in_order(alarms: Sequence[CompositeAlarm], metric_alarms: set[str]) -> list[CompositeAlarm]:
    """Return composite alarms so that each comes after those it asks about.

    Raises :class:`AlarmError` for a rule about an alarm that does not exist, or about itself.
    """
    known, waiting, found = set(metric_alarms), list(alarms), list[CompositeAlarm]()
    everything = known | {alarm.about.name for alarm in alarms}
    while waiting:
        for alarm in waiting:
            if unknown := sorted(set(alarm.children) - everything):
                raise AlarmError(f"{alarm.about.name} asks about {', '.join(unknown)}")
        ready = [alarm for alarm in waiting if set(alarm.children) <= known]
        if not ready:
            raise AlarmError(f"{waiting[0].about.name} asks about itself")
        found += ready
        known |= {alarm.about.name for alarm in ready}
        waiting = [alarm for alarm in waiting if alarm not in ready]
    return found


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise AlarmError(f"cannot read {text[place:].strip()[:10]!r}")
        # Within the rule a name is quoted again, so that no name is taken for a word of the rule.
        quoted = token["quoted"]
        found.append(f'"{quoted}' if quoted is not None else token["sign"] or token["word"])
        place = token.end()
    return found


class _Reader:
    """Recursive descent: OR over AND over NOT over a state."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self.names: list[str] = []

    def whole(self) -> Rule:
        found = self._any()
        if self._tokens:
            raise AlarmError(f"{self._tokens[0]!r} is not expected")
        return found

    def _any(self) -> Rule:
        parts = [self._all()]
        while self._next("OR"):
            parts.append(self._all())
        return lambda states: any(part(states) for part in parts)

    def _all(self) -> Rule:
        parts = [self._one()]
        while self._next("AND"):
            parts.append(self._one())
        return lambda states: all(part(states) for part in parts)

    def _one(self) -> Rule:
        if self._next("NOT"):
            denied = self._one()
            return lambda states: not denied(states)
        if self._next("("):
            found = self._any()
            self._expect(")")
            return found
        word = self._take()
        if word in {"TRUE", "FALSE"}:
            return lambda _: word == "TRUE"
        return self._state(word)

    def _state(self, word: str) -> Rule:
        if word not in _STATES:
            raise AlarmError(f"{word} is not reproduced here")
        self._expect("(")
        name = self._take().removeprefix('"')
        name = name.partition(":alarm:")[2] or name
        self._expect(")")
        self.names.append(name)
        return lambda states: states[name] == word

    def _next(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == word:
            self._tokens.pop(0)
            return True
        return False

    def _take(self) -> str:
        if not self._tokens:
            raise AlarmError("the rule ends too early")
        return self._tokens.pop(0)

    def _expect(self, sign: str) -> None:
        if (found := self._take()) != sign:
            raise AlarmError(f"{sign} is wanted, not {found}")
