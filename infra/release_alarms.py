"""What tells that a new version is bad: two alarms ($0.10 a month each) and the topic they go to.

An alarm here rolls nothing back. It says who is hurt; the section of docs/runbook.md that its
text names has the one command that sends every call to the stable version again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.edge import Edge
from infra.router import Router
from infra.settings import StackSettings
from shared.resources import resource_name

RUNBOOK = "docs/runbook.md#a-release-went-wrong"


@dataclass(frozen=True)
class ReleaseAlarm:
    """A row: the alarm fires when the statistic over one period reaches the threshold."""

    role: str
    namespace: str
    metric: str
    statistic: str
    period_seconds: int
    threshold: float
    says: str


# The adapter turns the router's 5xx answers into successful invocations, so Lambda's errors are
# crashes and timeouts only, and the API's 5xx are the rest, though of both versions together.
NEWEST_ERRORS = ReleaseAlarm(
    "newest-errors", "AWS/Lambda", "Errors", "Sum", 60, 1, "The newest router crashed or timed out."
)
EDGE_5XX = ReleaseAlarm(
    "edge-5xx", "AWS/ApiGateway", "5XXError", "Average", 300, 0.02, "2 % of all answers are 5xx."
)


def declare_release_alarms(stack: StackSettings, router: Router, edge: Edge) -> None:
    """Declare both alarms and export their topic, or nothing."""
    if not stack.release_alarms:
        return
    topic = aws.sns.Topic(
        "alarms", name=resource_name(stack.environment, "alarms"), tags=stack.tags
    )
    pulumi.export("alarm_topic", topic.arn)
    function = router.function
    of_newest = {
        "FunctionName": function.name,
        "Resource": pulumi.Output.concat(function.name, ":", router.alias.name),
        # Exists only for calls through an alias, and tells its two versions apart.
        "ExecutedVersion": function.version,
    }
    _alarm(stack, NEWEST_ERRORS, of_newest, topic)
    of_stage = {"ApiName": edge.api.name, "Stage": edge.stage.stage_name}
    _alarm(stack, EDGE_5XX, of_stage, topic)


def _alarm(
    stack: StackSettings,
    row: ReleaseAlarm,
    dimensions: dict[str, pulumi.Output[str]],
    topic: aws.sns.Topic,
) -> None:
    aws.cloudwatch.MetricAlarm(
        row.role,
        name=resource_name(stack.environment, row.role),
        alarm_description=f"{row.says} What to do: {RUNBOOK}",
        namespace=row.namespace,
        metric_name=row.metric,
        dimensions=dimensions,
        statistic=row.statistic,
        period=row.period_seconds,
        evaluation_periods=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=row.threshold,
        # Neither metric has points while nobody calls, and silence is no fault.
        treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
        ok_actions=[topic.arn],
        tags=stack.tags,
    )
