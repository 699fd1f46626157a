"""One evaluation: the data points an alarm looks at in one minute, and what it concludes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.alarms.data import MINUTE, MetricData
from local.alarms.definition import Measure, MetricAlarm, compute
from local.alarms.math_values import Series
from local.alarms.verdict import Verdict, judge
from local.alarms.windows import Span


@dataclass(frozen=True)
class Point:
    """One period: its start in seconds since the epoch, its value, how many values are behind it.

    ``samples`` is None for a computed point.
    """

    start: int
    value: float
    samples: int | None


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation saw and concluded; ``used`` are the points it went by, oldest first."""

    minute: int
    verdict: Verdict
    used: tuple[Point, ...]
    looked_at: int


def evaluate(alarm: MetricAlarm, data: MetricData, minute: int) -> Evaluation:
    """Evaluate an alarm at the start of a minute (since the epoch)."""
    spans = alarm.window.spans(minute)
    counts: dict[str, Sequence[int]] = {}
    measured: dict[str, Series] = {}
    for query in alarm.queries:
        if isinstance(query.source, Measure):
            measured[query.id], counts[query.id] = _measured(query.source, data, spans)
    values = compute(alarm, measured)
    samples = counts.get(alarm.returned.id)
    verdict = judge([None if v is None else alarm.breaches(v) for v in values], alarm.rule)
    if alarm.ignores_low_samples and samples and _too_few(alarm, samples, verdict.used):
        verdict = Verdict(None, verdict.used, verdict.filled)
    used = [_point(spans, values, samples, place) for place in verdict.used]
    return Evaluation(minute, verdict, tuple(used), len(spans))


def _measured(
    measure: Measure, data: MetricData, spans: Sequence[Span]
) -> tuple[Series, Sequence[int]]:
    found = [data.sample(measure.metric, start, end, measure.unit) for start, end in spans]
    values = tuple(measure.statistic.of(sample) if sample.count else None for sample in found)
    return values, [sample.count for sample in found]


def _point(
    spans: Sequence[Span], values: Series, samples: Sequence[int] | None, place: int
) -> Point:
    value = values[place]
    if value is None:
        raise ValueError("a missing point is never used")
    return Point(spans[place][0] * MINUTE, value, samples[place] if samples else None)


def _too_few(alarm: MetricAlarm, samples: Sequence[int], used: Sequence[int]) -> bool:
    """Tell whether a percentile rests on fewer samples than CloudWatch calls significant."""
    source = alarm.returned.source
    if not isinstance(source, Measure) or source.statistic.percent is None:
        return False
    # Fewer than 10 / (1 - percentile), or 10 / percentile below the median.
    rest = min(source.statistic.percent, 100 - source.statistic.percent)
    return any(samples[place] * rest < 10 * 100 for place in used)
