"""Every series that alarms and dashboards name must be one that something here emits.

A dashboard's shape: CloudWatch API reference, "Dashboard body structure and syntax".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local.alarms.data import Metric, statistic
from local.alarms.definition import MetricAlarm
from local.alarms.errors import AlarmError
from local.alarms.expression import read_expression
from local.declared import Resource, of_type
from local.service_series import ServiceSeries
from shared import meters

WIDGETS = ("metric", "alarm", "text", "log")


def check_series(
    resources: Iterable[Resource], alarms: Iterable[MetricAlarm], services: ServiceSeries
) -> None:
    """Raise :class:`AlarmError` for an alarm or a widget on what nothing here emits."""
    known = list(resources)
    for alarm in alarms:
        for measure in alarm.measures:
            _require(measure.metric, services, f"alarm {alarm.about.name}")
    arns = {str(each.outputs["arn"]) for each in known if "arn" in each.outputs}
    for board in of_type(known, "aws:cloudwatch/dashboard:Dashboard"):
        for number, widget in enumerate(_widgets(board), start=1):
            where = f"dashboard {board.name}, widget {number}"
            try:
                _check_widget(widget, services, where, arns)
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                raise AlarmError(f"{where} cannot be read: {error!r}") from error


def _require(metric: Metric, services: ServiceSeries, who: str) -> None:
    if not (_is_own(metric) or services.emits(metric)):
        raise AlarmError(f"{who} watches {metric}, which nothing here emits")


def _is_own(metric: Metric) -> bool:
    if metric.namespace != meters.NAMESPACE or metric.name not in set(meters.Meter):
        return False
    names = {name for name, _ in metric.dimensions}
    return any(names == set(each) for each in meters.METRICS[meters.Meter(metric.name)].sets)


def _widgets(board: Resource) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(board.inputs["dashboardBody"])["widgets"]
    except (ValueError, KeyError, TypeError) as error:
        raise AlarmError(f"dashboard {board.name} has no widgets: {error!r}") from error
    return list(found)


def _check_widget(
    widget: Mapping[str, Any], services: ServiceSeries, where: str, arns: set[str]
) -> None:
    kind, properties = widget["type"], widget["properties"]
    if kind not in WIDGETS:
        raise AlarmError(f"{where}: {kind} is not one of {', '.join(WIDGETS)}")
    alarms = properties.get("alarms") or properties.get("annotations", {}).get("alarms") or []
    if strange := [arn for arn in alarms if arn not in arns]:
        raise AlarmError(f"{where} shows {', '.join(strange)}, which is not declared")
    if "stat" in properties:
        statistic(properties["stat"])
    for row, options in _rows(properties.get("metrics") or []):
        if "stat" in options:
            statistic(options["stat"])
        if "expression" in options:
            read_expression(options["expression"])
        else:
            _require(_metric(row, where), services, where)


def _rows(declared: Sequence[Sequence[Any]]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Yield each row's texts and options, "." and "..." being what the row above has there."""
    above: list[str] = []
    for each in declared:
        options = each[-1] if each and isinstance(each[-1], Mapping) else {}
        row = [str(part) for part in each if not isinstance(part, Mapping)]
        if "..." in row:
            place, after = row.index("..."), len(row) - row.index("...") - 1
            row[place : place + 1] = above[place : len(above) - after]
        row = [above[n] if part == "." else part for n, part in enumerate(row)]
        above = row or above
        yield row, options


def _metric(row: Sequence[str], where: str) -> Metric:
    if len(row) < 2 or len(row) % 2:
        raise AlarmError(f"{where}: {row} is no metric")
    pairs = dict(zip(row[2::2], row[3::2], strict=True))
    return Metric.of(row[0], row[1], pairs)
