"""A declared metric alarm read into its definition, or the error that names why not.

Limits: PutMetricAlarm in the CloudWatch API reference. Every declared property is understood or
refused: an alarm that is evaluated otherwise than on AWS would be worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.alarms.data import MINUTE, Metric, statistic
from local.alarms.definition import COMPARISONS, About, Measure, MetricAlarm, Query, compute
from local.alarms.errors import AlarmError
from local.alarms.expression import Expression, read_expression
from local.alarms.verdict import Missing, Rule, State
from local.alarms.windows import (
    WALL_CLOCK_PERIODS,
    SlidingWindow,
    WallClockWindow,
    Window,
    time_zone,
)
from local.declared import Resource

MOST_METRICS = 10
WEEK, DAY, HOUR = 604_800, 86_400, 3600

_ACTIONS = {
    State.ALARM: "alarmActions",
    State.OK: "okActions",
    State.INSUFFICIENT_DATA: "insufficientDataActions",
}
_ABOUT_ALL = {"name", "alarmDescription", "actionsEnabled", "tags", *_ACTIONS.values()}
_SINGLE = {"metricName", "namespace", "dimensions", "statistic", "extendedStatistic", "unit"}
_SINGLE_PERIOD = _SINGLE | {"period"}
_KNOWN = (
    _ABOUT_ALL
    | _SINGLE_PERIOD
    | {
        "comparisonOperator",
        "datapointsToAlarm",
        "evaluateLowSampleCountPercentiles",
        "evaluationPeriods",
        "evaluationWindow",
        "metricQueries",
        "threshold",
        "treatMissingData",
    }
)
_COMPOSITE = _ABOUT_ALL - {"name"} | {"alarmName", "alarmRule"}


def about(resource: Resource, name_key: str = "name") -> About:
    """Return what a declared alarm of either kind says of itself."""
    inputs = resource.inputs
    return About(
        name=str(resource.outputs.get(name_key) or inputs.get(name_key) or resource.name),
        arn=str(resource.outputs["arn"]),
        description=inputs.get("alarmDescription"),
        enabled=bool(inputs.get("actionsEnabled", True)),
        actions={state: tuple(inputs.get(key) or ()) for state, key in _ACTIONS.items()},
    )


def composite_rule(resource: Resource) -> str:
    """Return the rule of a declared composite alarm, all else of it being known."""
    _refuse_unknown(resource.inputs, _COMPOSITE, resource.name)
    return str(resource.inputs["alarmRule"])


def metric_alarm(resource: Resource) -> MetricAlarm:
    """Read a declared metric alarm; raises :class:`AlarmError` that names it."""
    try:
        _refuse_unknown(resource.inputs, _KNOWN, resource.name)
        return _metric_alarm(resource)
    except AlarmError as error:
        raise AlarmError(f"alarm {resource.name}: {error}") from error


def _metric_alarm(resource: Resource) -> MetricAlarm:
    inputs = resource.inputs
    queries, period = _queries(inputs)
    periods = _whole(inputs, "evaluationPeriods")
    needed = int(inputs.get("datapointsToAlarm") or periods)
    _check_times(period, periods, needed)
    if inputs.get("comparisonOperator") not in COMPARISONS or "threshold" not in inputs:
        raise AlarmError(f"it compares a threshold by one of {', '.join(COMPARISONS)}")
    alarm = MetricAlarm(
        about=about(resource),
        queries=queries,
        period=period,
        window=_window(inputs.get("evaluationWindow"), period, periods),
        rule=Rule(needed, periods, _missing(inputs, queries)),
        declared_needed=inputs.get("datapointsToAlarm"),
        comparison=str(inputs["comparisonOperator"]),
        threshold=float(inputs["threshold"]),
        ignores_low_samples=_ignores_low_samples(inputs),
    )
    _try_out(alarm)
    return alarm


def _refuse_unknown(inputs: Mapping[str, Any], known: set[str], name: str) -> None:
    given = {key for key, value in inputs.items() if value not in (None, [], {})}
    if unknown := sorted(given - known):
        raise AlarmError(f"{name} declares {', '.join(unknown)}, which is not reproduced here")


def _queries(inputs: Mapping[str, Any]) -> tuple[tuple[Query, ...], int]:
    declared = inputs.get("metricQueries")
    if not declared:
        stat = inputs.get("statistic") or inputs.get("extendedStatistic")
        measure = measure_of({**inputs, "stat": stat})
        return (Query("m1", None, measure, returned=True),), _whole(inputs, "period")
    if mixed := sorted(_SINGLE_PERIOD & {key for key, value in inputs.items() if value}):
        raise AlarmError(f"{', '.join(mixed)} beside metricQueries")
    queries = tuple(_query(each) for each in declared)
    _check_queries(queries)
    periods = {int(each["metric"]["period"]) for each in declared if each.get("metric")}
    periods |= {int(each["period"]) for each in declared if each.get("period")}
    if len(periods) != 1:
        raise AlarmError("all metrics of one alarm have the same period")
    return queries, periods.pop()


def _query(declared: Mapping[str, Any]) -> Query:
    known = {"id", "label", "expression", "metric", "period", "returnData"}
    _refuse_unknown(declared, known, f"query {declared.get('id')}")
    text, metric = declared.get("expression"), declared.get("metric")
    if bool(text) == bool(metric):
        raise AlarmError(f"query {declared['id']} has an expression or a metric, not both")
    source = read_expression(str(text)) if text else measure_of(metric or {})
    returned = bool(declared.get("returnData", False))
    return Query(str(declared["id"]), declared.get("label"), source, returned)


def measure_of(declared: Mapping[str, Any]) -> Measure:
    """Read one statistic of one metric; raises :class:`AlarmError` for what it lacks."""
    missing = [key for key in ("metricName", "namespace", "stat") if not declared.get(key)]
    if missing:
        raise AlarmError(f"a metric without {', '.join(missing)}")
    dimensions = {str(k): str(v) for k, v in (declared.get("dimensions") or {}).items()}
    metric = Metric.of(str(declared["namespace"]), str(declared["metricName"]), dimensions)
    return Measure(metric, statistic(str(declared["stat"])), declared.get("unit"))


def _check_queries(queries: tuple[Query, ...]) -> None:
    if sum(query.returned for query in queries) != 1:
        raise AlarmError("exactly one query returns data")
    if sum(isinstance(query.source, Measure) for query in queries) > MOST_METRICS:
        raise AlarmError(f"more than {MOST_METRICS} metrics")
    known: set[str] = {query.id for query in queries}
    if len(known) != len(queries):
        raise AlarmError("two queries have one id")
    for query in queries:
        if isinstance(query.source, Expression) and (unknown := query.source.names - known):
            raise AlarmError(f"query {query.id} refers to {', '.join(sorted(unknown))}")


def _check_times(period: int, periods: int, needed: int) -> None:
    if period < MINUTE or period % MINUTE:
        raise AlarmError(f"period {period}: only multiples of 60 seconds are reproduced here")
    longest = WEEK if period >= HOUR else DAY
    if period * periods > longest:
        raise AlarmError(f"period times evaluationPeriods is over {longest} seconds")
    if not 1 <= needed <= periods:
        raise AlarmError("datapointsToAlarm is not between 1 and evaluationPeriods")


def _window(declared: Mapping[str, Any] | None, period: int, periods: int) -> Window:
    wall_clock = (declared or {}).get("wallClockWindow")
    if wall_clock is None:
        if declared:
            raise AlarmError(f"evaluationWindow {dict(declared)} is not known")
        return SlidingWindow(period, periods)
    if period not in WALL_CLOCK_PERIODS:
        raise AlarmError(f"a wall clock window has one of the periods {WALL_CLOCK_PERIODS}")
    return WallClockWindow(period, periods, time_zone(wall_clock.get("timezone")))


def _missing(inputs: Mapping[str, Any], queries: tuple[Query, ...]) -> Missing:
    text = inputs.get("treatMissingData") or Missing.MISSING
    if text not in set(Missing):
        raise AlarmError(f"treatMissingData {text}")
    measured = [q.source.metric.namespace for q in queries if isinstance(q.source, Measure)]
    # PutMetricAlarm: alarms on this namespace ignore missing data whatever is declared.
    return Missing.IGNORE if "AWS/DynamoDB" in measured else Missing(text)


def _ignores_low_samples(inputs: Mapping[str, Any]) -> bool:
    text = inputs.get("evaluateLowSampleCountPercentiles") or "evaluate"
    if text not in {"evaluate", "ignore"}:
        raise AlarmError(f"evaluateLowSampleCountPercentiles {text}")
    return bool(text == "ignore")


def _whole(inputs: Mapping[str, Any], key: str) -> int:
    value = inputs.get(key)
    if not isinstance(value, int | float) or value != int(value) or value < 1:
        raise AlarmError(f"{key} is not a positive whole number")
    return int(value)


def _try_out(alarm: MetricAlarm) -> None:
    """Compute it once on nothing: what is wrong with an expression must stop the start."""
    length = len(alarm.window.spans(0))
    compute(alarm, {q.id: (None,) * length for q in alarm.queries if isinstance(q.source, Measure)})
