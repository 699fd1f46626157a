"""Declares the alarms of the table that a stack asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.alarm_table import ALARMS, Alarm, Watched, Whose
from infra.deferred_calls import Workers
from infra.edge import Edge
from infra.job_queue import JobQueue
from infra.router import Router
from infra.settings import StackSettings
from infra.topics import Topics
from shared.meters import ENVIRONMENT, NAMESPACE
from shared.resources import resource_name

Dimensions = Mapping[str, Any]


def declare_alarms(stack: StackSettings, topics: Topics, known: Mapping[Whose, Dimensions]) -> None:
    """Declare the rows that the settings ``alarms`` and ``release_alarms`` choose."""
    for row in chosen(stack):
        aws.cloudwatch.MetricAlarm(
            row.name,
            name=resource_name(stack.environment, row.name),
            alarm_description=row.description(stack.runbook),
            **_watching(row, known),
            evaluation_periods=row.periods,
            datapoints_to_alarm=row.needed,
            comparison_operator=_operator(row),
            threshold=row.threshold,
            treat_missing_data=row.silence,
            alarm_actions=_heard_by(row, topics),
            # CloudWatch calls a new alarm's first look at things "OK" too: the guard knows that
            # nothing was wrong, people's mail would not.
            ok_actions=[] if row.heard_by == "people" else [topics.alarms.arn],
            tags={**stack.tags, "severity": row.severity, "owner": row.owner},
        )


def chosen(stack: StackSettings) -> list[Alarm]:
    """Return the rows that a stack asks for."""
    wanted = {"none": set[str](), "few": {"few"}, "all": {"few", "all"}}[stack.alarms]
    if stack.release_alarms:
        wanted |= {"release"}
    return [row for row in ALARMS if row.chosen in wanted]


def dimensions_by_subject(
    stack: StackSettings,
    router: Router,
    edge: Edge,
    guard: aws.lambda_.Function,
    workers: Workers,
    queue: JobQueue,
) -> dict[Whose, Dimensions]:
    """Return what a metric's subject is called in CloudWatch."""
    function = router.function
    return {
        "environment": {ENVIRONMENT: stack.environment},
        "router": {"FunctionName": function.name},
        "newest_router": {
            "FunctionName": function.name,
            "Resource": pulumi.Output.concat(function.name, ":", router.alias.name),
            # Exists only for calls through an alias, and tells its two versions apart.
            "ExecutedVersion": function.version,
        },
        "stage": {"ApiName": edge.api.name, "Stage": edge.stage.stage_name},
        "guard": {"FunctionName": guard.name},
        "dispatcher": {"FunctionName": workers.dispatcher.name},
        "collector": {"FunctionName": workers.collector.name},
        "jobs_queue": {"QueueName": queue.messages.name},
        "dead_letters": {"QueueName": queue.dead.name},
    }


def _heard_by(row: Alarm, topics: Topics) -> list[pulumi.Output[str]]:
    heard = {"guard": [topics.alarms], "people": [topics.people]}
    return [topic.arn for topic in heard.get(row.heard_by, [topics.alarms, topics.people])]


def _operator(row: Alarm) -> str:
    return "LessThanThreshold" if row.below else "GreaterThanOrEqualToThreshold"


def _watching(row: Alarm, known: Mapping[Whose, Dimensions]) -> dict[str, Any]:
    if isinstance(row.watched, dict):
        return {"metric_queries": _queries(row, known)}
    watched = row.watched
    by_the_clock = {"evaluation_window": {"wall_clock_window": {"timezone": "UTC"}}}
    return {
        "namespace": watched.namespace or NAMESPACE,
        "metric_name": watched.metric,
        "dimensions": known[watched.whose],
        "period": watched.period,
        **_statistic(watched),
        **(by_the_clock if row.by_the_clock else {}),
    }


def _statistic(watched: Watched) -> dict[str, str]:
    kind = "extended_statistic" if watched.statistic.startswith("p") else "statistic"
    return {kind: watched.statistic}


def _queries(row: Alarm, known: Mapping[Whose, Dimensions]) -> list[dict[str, Any]]:
    result = {"id": "result", "expression": row.expression, "label": row.says, "return_data": True}
    return [result, *(_query(name, each, known) for name, each in row.metrics.items())]


def _query(name: str, watched: Watched, known: Mapping[Whose, Dimensions]) -> dict[str, Any]:
    metric = {
        "namespace": watched.namespace or NAMESPACE,
        "metric_name": watched.metric,
        "dimensions": known[watched.whose],
        "period": watched.period,
        "stat": watched.statistic,
    }
    return {"id": name, "metric": metric, "return_data": False}
