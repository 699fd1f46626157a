"""What the clock wakes: schedules, and the one role under which they start a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.grants.roles import may_assume, scheduler_policy
from infra.settings import StackSettings
from shared.resources import resource_name


def wake_by_the_clock(
    stack: StackSettings,
    function: aws.lambda_.Function,
    role_name: str,
    runs: Mapping[str, tuple[str, str]],
    *,
    retries: Mapping[str, Any],
) -> None:
    """Start a function at times: ``runs`` has an expression and an input, JSON, by schedule."""
    name = resource_name(stack.environment, f"{role_name}-clock")
    role = aws.iam.Role(
        f"{role_name}-clock",
        name=name,
        assume_role_policy=pulumi.Output.json_dumps(may_assume("scheduler")),
        tags=stack.tags,
    )
    aws.iam.RolePolicy(
        f"{role_name}-clock", name=name, role=role.id, policy=scheduler_policy(function.arn)
    )
    for run, (when, given) in runs.items():
        aws.scheduler.Schedule(
            f"{role_name}-{run}",
            name=resource_name(stack.environment, f"{role_name}-{run}"),
            schedule_expression=when,
            schedule_expression_timezone="UTC",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": function.arn,
                "role_arn": role.arn,
                "input": given,
                "retry_policy": dict(retries),
            },
        )


def every(minutes: int) -> str:
    """Return the expression of a schedule that runs every so many minutes."""
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
