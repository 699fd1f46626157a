"""The router: one Lambda function that streams, run by the Lambda Web Adapter.

The managed Python runtime cannot stream, so the adapter's layer starts our own web server and
carries each event to it over HTTP (https://awslabs.github.io/aws-lambda-web-adapter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.bundle.recipe import ROUTER
from infra.call_settings import call_settings
from infra.encryption import Encryption
from infra.function_code import code_arguments, fitting
from infra.grants.router import router_policy
from infra.job_queue import JobQueue
from infra.plain_function import declare_function_log, declare_function_role
from infra.provider_keys import ProviderKeys
from infra.settings import StackSettings
from infra.stores import Stores
from shared.catalog import models_called_as_role
from shared.resources import resource_name
from shared.settings import RouterSettings, as_environment

LIVE = "live"
"""The alias that callers reach; what it points at is explained in :func:`_live_alias`."""

TIMEOUT_SECONDS = 900
"""Lambda's longest, and as long as API Gateway keeps a streaming answer open."""

ADAPTER_LAYER = "arn:aws:lambda:{region}:753240598075:layer:LambdaAdapterLayerArm64:{version}"
ADAPTER_VERSION = 26
# Adapter 1.1.0, the first that renews its own connections after a snapshot is resumed
# (https://github.com/aws/aws-lambda-web-adapter/pull/871).
ADAPTER_VERSION_WITH_SNAP_START = 30
ADAPTER_ENVIRONMENT = {
    # The layer's wrapper runs the handler's path as a program instead of Lambda's own runtime.
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "AWS_LWA_INVOKE_MODE": "response_stream",
    "AWS_LWA_PORT": "8080",
    "AWS_LWA_READINESS_CHECK_PATH": "/health",
    "AWS_LWA_PASS_THROUGH_PATH": "/lambda-events",
}


@dataclass(frozen=True)
class Router:
    """The function and the alias under which it is called."""

    function: aws.lambda_.Function
    alias: aws.lambda_.Alias


def declare_router(
    stack: StackSettings,
    stores: Stores,
    queue: JobQueue,
    keys: ProviderKeys,
    encryption: Encryption | None,
) -> Router:
    """Declare the function with its log, its role and its ``live`` alias."""
    name = resource_name(stack.environment, "router")
    log = declare_function_log(stack, ROUTER.role, name, encryption)
    role = declare_function_role(stack, ROUTER.role, name)
    policy = aws.iam.RolePolicy(
        "router-policy",
        name=name,
        role=role.id,
        policy=router_policy(
            cache=stores.cache.arn,
            ledger=stores.ledger.arn,
            jobs=stores.jobs.arn,
            batches=stores.batches.arn,
            jobs_queue=queue.messages.arn,
            provider_secrets=list(keys.values()),
            bedrock_models=models_called_as_role(stack.providers),
            region=stack.region,
            log_group=log.arn,
            customer_key=encryption.key.arn if encryption else None,
        ),
    )
    environment = _environment(stack, stores, queue, keys)
    function = _function(stack, name, role, environment, after=[log, policy])
    return Router(function, _live_alias(stack, function))


def _function(
    stack: StackSettings,
    name: str,
    role: aws.iam.Role,
    environment: pulumi.Output[dict[str, str]],
    *,
    after: list[pulumi.Resource],
) -> aws.lambda_.Function:
    return aws.lambda_.Function(
        "router",
        name=name,
        role=role.arn,
        **code_arguments(ROUTER),
        layers=[_adapter(stack)],
        # CPU comes with memory, and about three quarters of the variable cost is memory held
        # while a provider thinks: double it only for a cold start or a hit that is too slow.
        memory_size=stack.memory_mb,
        timeout=TIMEOUT_SECONDS,
        reserved_concurrent_executions=stack.reserved_concurrency,
        environment={"variables": environment},
        publish=True,
        # Only published versions have a snapshot; each is billed until it is deleted.
        snap_start={"apply_on": "PublishedVersions"} if stack.snap_start else None,
        tags=stack.tags,
        # Lambda would create the log group itself, without retention or tags.
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def _adapter(stack: StackSettings) -> str:
    version = ADAPTER_VERSION_WITH_SNAP_START if stack.snap_start else ADAPTER_VERSION
    return ADAPTER_LAYER.format(region=stack.region, version=version)


def _live_alias(stack: StackSettings, function: aws.lambda_.Function) -> aws.lambda_.Alias:
    """Point callers at a version.

    Unpinned, it is always the one published last. Pinned by ``stable_version``, which the stack
    file remembers, a new version gets ``canary_percent`` of the calls and no more until that
    number is raised to it. Lambda keeps every published version, so either way is open.
    """
    stable = stack.stable_version
    pinned = function.version if stable is None else str(stable)
    share = stack.canary_percent / 100
    return aws.lambda_.Alias(
        "router-live",
        name=LIVE,
        function_name=function.name,
        function_version=pinned,
        routing_config=function.version.apply(lambda newest: _canary(newest, stable, share)),
    )


def _canary(newest: str, stable: int | None, share: float) -> dict[str, Any] | None:
    # Lambda refuses an alias that names one version twice, as after a promotion.
    if not share or newest == str(stable):
        return None
    return {"additional_version_weights": {newest: share}}


def _environment(
    stack: StackSettings, stores: Stores, queue: JobQueue, keys: ProviderKeys
) -> pulumi.Output[dict[str, str]]:
    settings = call_settings(
        RouterSettings,
        stack,
        stores,
        queue,
        keys,
        memory_mb=stack.memory_mb,
        body_limit_bytes=stack.body_limit_bytes,
    )

    def variables(known: RouterSettings) -> dict[str, str]:
        logging = {"POWERTOOLS_LOG_LEVEL": stack.log_level}
        made = {**ADAPTER_ENVIRONMENT, **logging, **as_environment(known)}
        return fitting(
            "router",
            made,
            "name fewer teams in sluice:budgets, and cap the others by `sluice budget`",
        )

    return settings.apply(variables)
