"""Creates log groups, alarms and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.alarms.composite import composite_alarm as read_composite
from local.alarms.declaration import metric_alarm as read_alarm
from local.aws import ACCOUNT
from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list

_ALARM = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}
_QUERY = {"expression": "Expression", "id": "Id", "label": "Label", "period": "Period"}
_STAT = {"period": "Period", "stat": "Stat", "unit": "Unit"}


def log_group(creation: Creation) -> Created:
    """``aws:cloudwatch/logGroup:LogGroup``."""
    name = creation.physical_name()
    logs = creation.aws.logs
    logs.create_log_group(
        logGroupName=name,
        tags=creation.inputs.get("tags", {}),
        **creation.inputs.chosen({"kmsKeyId": "kmsKeyId"}),
    )
    if days := creation.inputs.get("retentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"name": name, "arn": creation.aws.arn("logs", f"log-group:{name}")})


def metric_alarm(creation: Creation) -> Created:
    """``aws:cloudwatch/metricAlarm:MetricAlarm``: kept here, evaluated by :mod:`local.alarms`.

    A declaration that is not reproduced whole raises ``AlarmError``.
    """
    name, inputs = creation.physical_name(), creation.inputs
    arn = creation.aws.arn("cloudwatch", f"alarm:{name}")
    read_alarm(_AsDeclared(creation.name, inputs.values, {"name": name, "arn": arn}))
    # moto keeps no evaluation window: it stands in the declaration, which is what is evaluated.
    inputs.get("evaluationWindow")
    creation.aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Dimensions=_dimensions(inputs.get("dimensions") or {}),
        Tags=as_tag_list(inputs.get("tags")),
        Metrics=[_query(each) for each in inputs.get("metricQueries") or []],
        **inputs.chosen(_ALARM),
    )
    return Created(name, {"name": name, "arn": arn})


def composite_alarm(creation: Creation) -> Created:
    """``aws:cloudwatch/compositeAlarm:CompositeAlarm``: evaluated, and not known to moto."""
    name, inputs = creation.physical_name("alarmName"), creation.inputs
    outputs = {"alarmName": name, "arn": creation.aws.arn("cloudwatch", f"alarm:{name}")}
    read_composite(_AsDeclared(creation.name, inputs.values, outputs))
    for key in inputs.values:
        inputs.get(key)
    return Created(name, outputs)


def dashboard(creation: Creation) -> Created:
    """``aws:cloudwatch/dashboard:Dashboard``; what it shows is checked at the start."""
    name = creation.physical_name("dashboardName")
    creation.aws.cloudwatch.put_dashboard(
        DashboardName=name, DashboardBody=creation.inputs["dashboardBody"]
    )
    arn = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"
    return Created(name, {"dashboardName": name, "dashboardArn": arn})


@dataclass(frozen=True)
class _AsDeclared:
    """An alarm in the shape in which declarations are read."""

    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    type: str = "aws:cloudwatch/metricAlarm:MetricAlarm"


def _dimensions(values: Mapping[str, str]) -> list[Any]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _query(declared: Mapping[str, Any]) -> Any:
    query = {api: declared[key] for key, api in _QUERY.items() if declared.get(key)}
    query["ReturnData"] = bool(declared.get("returnData", False))
    if metric := declared.get("metric"):
        query["MetricStat"] = {
            **{api: metric[key] for key, api in _STAT.items() if metric.get(key)},
            "Metric": {
                "Namespace": metric["namespace"],
                "MetricName": metric["metricName"],
                "Dimensions": _dimensions(metric.get("dimensions") or {}),
            },
        }
    return query


CREATORS = {
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": metric_alarm,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": composite_alarm,
    "aws:cloudwatch/dashboard:Dashboard": dashboard,
}
