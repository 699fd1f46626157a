"""Metric values by minute, and what statistics say of any run of minutes.

CloudWatch keeps one-minute points for 15 days (user guide, "Metrics retention"); so does this.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from local.alarms.errors import AlarmError
from local.emf import Datum

MINUTE = 60
RETENTION_MINUTES = 15 * 24 * 60

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True)
class Metric:
    """A namespace, a name and one exact set of dimensions: CloudWatch never adds sets up."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        """Return a metric; the order of dimensions means nothing."""
        return cls(namespace, name, tuple(sorted(dimensions.items())))

    def __str__(self) -> str:
        """Return the metric as a person reads it."""
        dimensions = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace} {self.name} {{{dimensions}}}"


@dataclass
class Sample:
    """The values of some run of minutes: how often each came."""

    values: Counter[float] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.values.total()

    @property
    def total(self) -> float:
        """Their sum, exact to one rounding."""
        return math.fsum(value * times for value, times in self.values.items())

    def rank(self, percent: float) -> float:
        """Return the value at the nearest rank of a percentile."""
        wanted = max(1, math.ceil(percent / 100 * self.count))
        for value in sorted(self.values):
            wanted -= self.values[value]
            if wanted <= 0:
                return value
        raise ValueError("a sample of nothing has no percentile")


@dataclass(frozen=True)
class Statistic:
    """One number about a sample, such as ``Sum`` or ``p99``; ``percent`` is None for no pNN."""

    name: str
    percent: float | None = None

    def of(self, sample: Sample) -> float:
        """Return the number; the sample holds one value at least."""
        if self.percent is not None:
            return sample.rank(self.percent)
        return _SIMPLE[self.name](sample)


_SIMPLE: dict[str, Callable[[Sample], float]] = {
    "SampleCount": lambda sample: float(sample.count),
    "Sum": lambda sample: sample.total,
    "Average": lambda sample: sample.total / sample.count,
    "Minimum": lambda sample: min(sample.values),
    "Maximum": lambda sample: max(sample.values),
}


def statistic(text: str) -> Statistic:
    """Return a statistic by its name; raises :class:`AlarmError` for one not reproduced here."""
    if text in _SIMPLE:
        return Statistic(text)
    if found := _PERCENTILE.fullmatch(text):
        return Statistic(text, float(found[1]))
    raise AlarmError(f"statistic {text}: known are {', '.join(_SIMPLE)} and pNN")


@dataclass
class _Kept:
    """One metric: its minutes in order, and each minute's values by unit."""

    minutes: list[int] = field(default_factory=list)
    values: dict[int, dict[str, Counter[float]]] = field(default_factory=dict)

    def add(self, minute: int, unit: str, value: float) -> None:
        if minute not in self.values:
            insort(self.minutes, minute)
            self.values[minute] = {}
            self._forget(self.minutes[-1] - RETENTION_MINUTES)
        self.values[minute].setdefault(unit, Counter())[value] += 1

    def between(self, start: int, end: int) -> list[int]:
        return self.minutes[bisect_left(self.minutes, start) : bisect_left(self.minutes, end)]

    def _forget(self, oldest: int) -> None:
        kept = bisect_left(self.minutes, oldest)
        for minute in self.minutes[:kept]:
            del self.values[minute]
        del self.minutes[:kept]


_NOTHING = _Kept()


@dataclass
class MetricData:
    """Every value of every metric. Times are whole minutes since the epoch, ends exclusive.

    ``version`` counts the values: it tells whether there is anything new to evaluate.
    """

    version: int = 0
    _kept: dict[Metric, _Kept] = field(default_factory=dict)

    def add(self, datum: Datum) -> None:
        """Keep one value."""
        metric = Metric.of(datum.namespace, datum.name, dict(datum.dimensions))
        minute = int(datum.at.timestamp()) // MINUTE
        self._kept.setdefault(metric, _Kept()).add(minute, datum.unit, datum.value)
        self.version += 1

    def minutes(self, metric: Metric, start: int, end: int) -> list[int]:
        """Return the minutes in which a metric has values."""
        return self._kept.get(metric, _NOTHING).between(start, end)

    def sample(self, metric: Metric, start: int, end: int, unit: str | None = None) -> Sample:
        """Return a metric's values in a run of minutes, of one unit or of all."""
        found = Sample()
        kept = self._kept.get(metric, _NOTHING)
        for minute in kept.between(start, end):
            for values in _of_unit(kept.values[minute], unit):
                found.values.update(values)
        return found

    @property
    def metrics(self) -> frozenset[Metric]:
        """Every metric that has had a value."""
        return frozenset(self._kept)


def _of_unit(units: Mapping[str, Counter[float]], unit: str | None) -> Iterable[Counter[float]]:
    return units.values() if unit is None else [units.get(unit, Counter())]
