"""A metric alarm as the facts that its evaluation needs, and the series that it compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.alarms.data import Metric, Statistic
from local.alarms.errors import AlarmError
from local.alarms.expression import Expression
from local.alarms.math_functions import Sight
from local.alarms.math_values import Series
from local.alarms.verdict import Rule, State
from local.alarms.windows import Window

COMPARISONS: Mapping[str, str] = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
"""The comparisons with a fixed threshold, as a reason spells them."""


@dataclass(frozen=True)
class About:
    """What every alarm has: who it is, and which topics hear of which state."""

    name: str
    arn: str
    description: str | None
    enabled: bool
    actions: Mapping[State, tuple[str, ...]]


@dataclass(frozen=True)
class Measure:
    """One statistic of one metric, of one unit or of all."""

    metric: Metric
    statistic: Statistic
    unit: str | None


@dataclass(frozen=True)
class Query:
    """A series by its id: either measured or computed from others."""

    id: str
    label: str | None
    source: Measure | Expression
    returned: bool


@dataclass(frozen=True)
class MetricAlarm:
    """An alarm on the series that one of its queries returns. ``period`` is in seconds."""

    about: About
    queries: tuple[Query, ...]
    period: int
    window: Window
    rule: Rule
    declared_needed: int | None
    comparison: str
    threshold: float
    ignores_low_samples: bool

    @property
    def returned(self) -> Query:
        """The query whose series is compared with the threshold."""
        return next(query for query in self.queries if query.returned)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured, whether or not it is what is compared."""
        return tuple(q.source for q in self.queries if isinstance(q.source, Measure))

    def breaches(self, value: float) -> bool:
        """Tell whether a value is on the wrong side of the threshold."""
        match self.comparison:
            case "GreaterThanOrEqualToThreshold":
                return value >= self.threshold
            case "GreaterThanThreshold":
                return value > self.threshold
            case "LessThanThreshold":
                return value < self.threshold
            case _:
                return value <= self.threshold


def compute(alarm: MetricAlarm, measured: Mapping[str, Series]) -> Series:
    """Return the series that the alarm compares, given what its metrics measured by query id."""
    values = dict(measured)
    waiting = [query for query in alarm.queries if isinstance(query.source, Expression)]
    while waiting:
        ready = [q for q in waiting if _expression(q).names <= values.keys()]
        if not ready:
            raise AlarmError(f"query {waiting[0].id} refers to itself")
        for query in ready:
            sight = Sight(values, tuple(measured), alarm.period)
            values[query.id] = _expression(query).on(sight)
        waiting = [query for query in waiting if query not in ready]
    return values[alarm.returned.id]


def _expression(query: Query) -> Expression:
    if not isinstance(query.source, Expression):
        raise TypeError(f"query {query.id} is measured")
    return query.source
