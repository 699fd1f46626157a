"""Creates log groups and alarms."""

from __future__ import annotations

from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list

_ALARM = {
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "evaluationPeriods": "EvaluationPeriods",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
}


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
    """``aws:cloudwatch/metricAlarm:MetricAlarm`` on one metric; kept, and never evaluated."""
    name, inputs = creation.physical_name(), creation.inputs
    creation.aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Dimensions=_dimensions(inputs.get("dimensions", {})),
        Tags=as_tag_list(inputs.get("tags")),
        **inputs.chosen(_ALARM),
    )
    return Created(name, {"name": name, "arn": creation.aws.arn("cloudwatch", f"alarm:{name}")})


def _dimensions(values: dict[str, str]) -> list[Any]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


CREATORS = {
    "aws:cloudwatch/logGroup:LogGroup": log_group,
    "aws:cloudwatch/metricAlarm:MetricAlarm": metric_alarm,
}
