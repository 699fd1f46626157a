"""Alarms over time: told what time it is, it goes through every minute that can change a state.

Between two such minutes nothing an alarm looks at changes, so going through them in order gives
the same changes as going through every minute; a test holds that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.alarms import reasons
from local.alarms.composite import CompositeAlarm, in_order
from local.alarms.data import MINUTE, MetricData
from local.alarms.definition import About, MetricAlarm
from local.alarms.errors import AlarmError
from local.alarms.points import Evaluation, evaluate
from local.alarms.verdict import State

HISTORY = 10_000
"""Changes kept; CloudWatch keeps 30 days of them."""

Alarm = MetricAlarm | CompositeAlarm


@dataclass(frozen=True)
class Standing:
    """The state of an alarm, since when (seconds since the epoch), and why.

    ``value`` is the newest data point behind it, ``data`` the points as JSON text.
    """

    state: State
    since: float
    reason: str
    data: str | None = None
    value: float | None = None


@dataclass(frozen=True)
class Change:
    """A state that became another; ``topics`` are the ARNs that are to hear of it."""

    alarm: Alarm
    old: Standing
    new: Standing
    topics: tuple[str, ...]
    children: tuple[tuple[str, Standing], ...] = ()


@dataclass
class Watch:
    """Evaluates alarms. All methods are for one thread; times are seconds since the epoch."""

    metric_alarms: Sequence[MetricAlarm]
    composites: Sequence[CompositeAlarm]
    data: MetricData
    begun: float
    standings: dict[str, Standing] = field(init=False)
    values: dict[str, float | None] = field(init=False, default_factory=dict)
    history: deque[Change] = field(init=False, default_factory=lambda: deque(maxlen=HISTORY))
    _order: Sequence[CompositeAlarm] = field(init=False)
    _seen: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        """Put every alarm into its first state; raises :class:`AlarmError` for a wrong set."""
        alarms: list[Alarm] = [*self.metric_alarms, *self.composites]
        names = [alarm.about.name for alarm in alarms]
        if twice := {name for name in names if names.count(name) > 1}:
            raise AlarmError(f"two alarms are named {', '.join(sorted(twice))}")
        self._order = in_order(self.composites, {a.about.name for a in self.metric_alarms})
        first = Standing(State.INSUFFICIENT_DATA, self.begun, reasons.INITIAL)
        self.standings = dict.fromkeys(names, first)
        # Not yet seen even the minute in which they were created.
        self._seen = (int(self.begun) // MINUTE - 1, -1)

    def advance(self, now: float) -> list[Change]:
        """Evaluate up to a time and return what changed, in order."""
        minute = int(now) // MINUTE
        before, version = self._seen
        if (minute, self.data.version) == (before, version) or minute < before:
            return []
        changes: list[Change] = []
        agenda = self._agenda(before, minute)
        for turn in sorted(agenda):
            at = now if turn == minute else float(turn * MINUTE)
            changes += self._evaluate(agenda[turn], turn, at)
        self._seen = (minute, self.data.version)
        self.history.extend(changes)
        return changes

    def _agenda(self, before: int, minute: int) -> dict[int, list[MetricAlarm]]:
        """Return which alarms are to be evaluated in which minutes; all of them in the last."""
        agenda: dict[int, list[MetricAlarm]] = {minute: []}
        for alarm in self.metric_alarms:
            for turn in {minute, *self._turns(alarm, before, minute)}:
                agenda.setdefault(turn, []).append(alarm)
        return agenda

    def _turns(self, alarm: MetricAlarm, before: int, minute: int) -> set[int]:
        oldest = before - alarm.window.reach()
        minutes = {
            each
            for measure in alarm.measures
            for each in self.data.minutes(measure.metric, oldest, minute)
        }
        return alarm.window.turns(sorted(minutes), before, minute)

    def _evaluate(self, alarms: Iterable[MetricAlarm], minute: int, at: float) -> list[Change]:
        changes = [self._one(alarm, evaluate(alarm, self.data, minute), at) for alarm in alarms]
        changes += [self._composite(alarm, at) for alarm in self._order]
        return [change for change in changes if change is not None]

    def _one(self, alarm: MetricAlarm, seen: Evaluation, at: float) -> Change | None:
        old = self.standings[alarm.about.name]
        value = seen.used[-1].value if seen.used else None
        self.values[alarm.about.name] = value
        state = seen.verdict.state
        if state is None or state is old.state:
            return None
        why = reasons.reason(alarm, old.state, state, seen)
        data = reasons.reason_data(alarm, seen, at)
        return self._become(alarm, Standing(state, at, why, data, value))

    def _composite(self, alarm: CompositeAlarm, at: float) -> Change | None:
        states = {name: standing.state for name, standing in self.standings.items()}
        state = State.ALARM if alarm.holds(states) else State.OK
        if state is self.standings[alarm.about.name].state:
            return None
        children = tuple((name, self.standings[name]) for name in alarm.children)
        listed = ", ".join(f"{name} is {standing.state}" for name, standing in children)
        holds = "holds" if state is State.ALARM else "does not hold"
        why = f"The rule {alarm.text} {holds}: {listed or 'it asks about no alarm'}."
        return self._become(alarm, Standing(state, at, why), children)

    def _become(
        self, alarm: Alarm, new: Standing, children: tuple[tuple[str, Standing], ...] = ()
    ) -> Change:
        about: About = alarm.about
        old, self.standings[about.name] = self.standings[about.name], new
        topics = about.actions[new.state] if about.enabled else ()
        return Change(alarm, old, new, topics, children)
