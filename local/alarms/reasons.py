"""Why a state changed: the sentence and the data that CloudWatch puts beside a state."""

from __future__ import annotations

import json
from collections.abc import Sequence

from local.alarms.definition import COMPARISONS, Measure, MetricAlarm
from local.alarms.points import Evaluation, Point
from local.alarms.verdict import Missing, State
from shared.clock import utc

INITIAL = "Unchecked: Initial alarm creation"

_TREATED = {Missing.BREACHING: "Breaching", Missing.NOT_BREACHING: "NonBreaching"}


def reason(alarm: MetricAlarm, old: State, new: State, seen: Evaluation) -> str:
    """Return the sentence about a change, in CloudWatch's words."""
    if new is State.INSUFFICIENT_DATA:
        missing = seen.looked_at - len(seen.used)
        return f"Insufficient Data: {_many(missing, 'datapoint')} unknown."
    filled = _filled(alarm, seen.verdict.filled)
    if not seen.used:
        periods = alarm.rule.periods
        received = f"no datapoints were received for {periods} period{'s' * (periods > 1)}"
        return f"Threshold Crossed: {received}{filled}."
    return f"Threshold Crossed: {_points(alarm, new, seen)}{filled}{_minimum(alarm, old, new)}."


def _points(alarm: MetricAlarm, new: State, seen: Evaluation) -> str:
    points = [point for point in seen.used if alarm.breaches(point.value) == (new is State.ALARM)]
    listed = ", ".join(f"{point.value} ({_day(point.start)})" for point in reversed(points))
    count = _count(alarm, len(points))
    verb = "was" if len(points) == 1 else "were"
    denial = "" if new is State.ALARM else " not"
    comparison = COMPARISONS[alarm.comparison]
    return f"{count} [{listed}] {verb}{denial} {comparison} the threshold ({alarm.threshold})"


def _count(alarm: MetricAlarm, count: int) -> str:
    if alarm.declared_needed is None:
        return f"{count} datapoint{'s' * (count != 1)}"
    return f"{count} out of the last {alarm.rule.periods} datapoints"


def _minimum(alarm: MetricAlarm, old: State, new: State) -> str:
    if alarm.declared_needed is None:
        return ""
    rule = alarm.rule
    least = rule.needed if new is State.ALARM else rule.periods - rule.needed + 1
    return f" (minimum {least} datapoint{'s' * (least > 1)} for {old} -> {new} transition)"


def _filled(alarm: MetricAlarm, count: int) -> str:
    treated = _TREATED.get(alarm.rule.missing)
    if not count or treated is None:
        return ""
    return f" and {_many(count, 'missing datapoint')} treated as [{treated}]"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun} was" if count == 1 else f"{count} {noun}s were"


def reason_data(alarm: MetricAlarm, seen: Evaluation, at: float) -> str:
    """Return ``StateReasonData``: the points behind a change, as JSON."""
    source = alarm.returned.source
    facts: dict[str, object] = {"version": "1.0", "queryDate": stamp(at)}
    if seen.used:
        facts["startDate"] = stamp(seen.used[0].start)
    if isinstance(source, Measure):
        facts |= {"unit": source.unit} if source.unit else {}
        facts["statistic"] = source.statistic.name
    facts |= {
        "period": alarm.period,
        "recentDatapoints": [point.value for point in seen.used],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": _evaluated(seen.used),
    }
    return json.dumps(facts, separators=(",", ":"))


def _evaluated(used: Sequence[Point]) -> list[dict[str, object]]:
    return [
        {
            "timestamp": stamp(point.start),
            **({"sampleCount": float(point.samples)} if point.samples is not None else {}),
            "value": point.value,
        }
        for point in reversed(used)
    ]


def stamp(at: float) -> str:
    """Return a time as CloudWatch writes it: ``2026-11-22T12:00:00.000+0000``."""
    moment = utc(at)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _day(start: int) -> str:
    return f"{utc(start):%d/%m/%y %H:%M:%S}"
