"""A plain function: one handler that Lambda's own runtime calls with an event.

What the router is not: no web server, no stream, no alias. The log group, the role, its one
policy and the function are declared together, because none is of use without the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.bundle.recipe import FunctionCode
from infra.encryption import Encryption, key_arn
from infra.function_code import code_arguments, fitting
from infra.grants.roles import may_assume
from infra.settings import StackSettings
from shared.resources import resource_name
from shared.settings import FunctionSettings, as_environment

Policy = Callable[[pulumi.Output[str]], pulumi.Output[str]]
"""Makes a role's policy, as JSON, from the ARN of the function's log group."""


@dataclass(frozen=True)
class Size:
    """Memory in MB, which buys CPU too, and how long one call may take, in seconds.

    ``disk_mb`` is its ``/tmp``: what is beyond the first 512 MB costs $0.0000000309 a GB-second
    (aws.amazon.com/lambda/pricing, us-east-1).
    ``reserved_concurrency`` is how many calls may run at once; unset, as many as the account has.
    """

    memory_mb: int
    timeout_seconds: int
    disk_mb: int = 512
    reserved_concurrency: int | None = None


def declare_plain_function(
    stack: StackSettings,
    code: FunctionCode,
    *,
    settings: pulumi.Output[FunctionSettings],
    policy: Policy,
    size: Size,
    encryption: Encryption | None,
) -> aws.lambda_.Function:
    """Declare a function with its log and its role.

    Its role's name is the function's own: ``sluice-<environment>-<name>``.
    """
    name = resource_name(stack.environment, code.role)
    log = declare_function_log(stack, code.role, name, encryption)
    role = declare_function_role(stack, code.role, name)
    granted = aws.iam.RolePolicy(
        f"{code.role}-policy", name=name, role=role.id, policy=policy(log.arn)
    )
    return aws.lambda_.Function(
        code.role,
        name=name,
        role=role.arn,
        **code_arguments(code),
        memory_size=size.memory_mb,
        timeout=size.timeout_seconds,
        ephemeral_storage={"size": size.disk_mb},
        reserved_concurrent_executions=size.reserved_concurrency,
        environment={"variables": settings.apply(lambda known: _variables(stack, code, known))},
        tags=stack.tags,
        # Lambda would create the log group itself, without retention or tags.
        opts=pulumi.ResourceOptions(depends_on=[log, granted]),
    )


def declare_function_log(
    stack: StackSettings, role: str, name: str, encryption: Encryption | None
) -> aws.cloudwatch.LogGroup:
    """Declare the log group that Lambda writes a function's output to."""
    return aws.cloudwatch.LogGroup(
        f"{role}-log",
        name=f"/aws/lambda/{name}",
        retention_in_days=stack.log_retention_days,
        kms_key_id=key_arn(encryption),
        tags=stack.tags,
    )


def declare_function_role(stack: StackSettings, role: str, name: str) -> aws.iam.Role:
    """Declare a role that Lambda may take on and nobody else."""
    return aws.iam.Role(
        f"{role}-role",
        name=name,
        assume_role_policy=pulumi.Output.json_dumps(may_assume("lambda")),
        tags=stack.tags,
    )


def _variables(
    stack: StackSettings, code: FunctionCode, settings: FunctionSettings
) -> dict[str, Any]:
    logging = {"POWERTOOLS_LOG_LEVEL": stack.log_level}
    made = {**logging, **as_environment(settings)}
    return fitting(code.role, made, "say less in the stack's settings")
