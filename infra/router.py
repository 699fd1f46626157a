"""The router: one Lambda function that streams, run by the Lambda Web Adapter.

The managed Python runtime cannot stream, so the adapter's layer starts our own web server and
carries each event to it over HTTP (https://awslabs.github.io/aws-lambda-web-adapter).
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

import shared
from infra.bundle.deployable import require_deployable
from infra.bundle.errors import NotDeployable
from infra.encryption import Encryption, key_arn
from infra.grants import LAMBDA_MAY_ASSUME, router_policy
from infra.provider_keys import ProviderKeys
from infra.settings import StackSettings
from infra.stores import Stores
from shared.catalog import models_called_as_role, policy_version
from shared.resources import resource_name
from shared.settings import RouterSettings, as_environment

CHECKOUT = Path(shared.__file__).parents[1]
BUNDLE = CHECKOUT / "build" / "router.zip"
START_SCRIPT = "functions/router/run.sh"
RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
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
    stack: StackSettings, stores: Stores, keys: ProviderKeys, encryption: Encryption | None
) -> Router:
    """Declare the function with its log, its role and its ``live`` alias."""
    name = resource_name(stack.environment, "router")
    log = aws.cloudwatch.LogGroup(
        "router-log",
        name=f"/aws/lambda/{name}",
        retention_in_days=stack.log_retention_days,
        kms_key_id=key_arn(encryption),
        tags=stack.tags,
    )
    role = _role(stack, name)
    policy = aws.iam.RolePolicy(
        "router-policy",
        name=name,
        role=role.id,
        policy=router_policy(
            cache=stores.cache.arn,
            ledger=stores.ledger.arn,
            provider_secrets=list(keys.values()),
            bedrock_models=models_called_as_role(stack.providers),
            region=stack.region,
            log_group=log.arn,
            customer_key=encryption.key.arn if encryption else None,
        ),
    )
    environment = _environment(stack, stores, keys)
    function = _function(stack, name, role, environment, after=[log, policy])
    return Router(function, _live_alias(stack, function))


def _role(stack: StackSettings, name: str) -> aws.iam.Role:
    return aws.iam.Role(
        "router-role",
        name=name,
        assume_role_policy=pulumi.Output.json_dumps(LAMBDA_MAY_ASSUME),
        tags=stack.tags,
    )


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
        runtime=RUNTIME,
        architectures=[ARCHITECTURE],
        handler=START_SCRIPT,
        layers=[_adapter(stack)],
        code=bundle_to_upload(BUNDLE, is_uploaded=not isinstance(get_monitor(), MockMonitor)),
        source_code_hash=bundle_hash(BUNDLE),
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
    stack: StackSettings, stores: Stores, keys: ProviderKeys
) -> pulumi.Output[dict[str, str]]:
    def variables(known: Mapping[str, str]) -> dict[str, str]:
        settings = RouterSettings(
            environment=stack.environment,
            cache_table=known["cache"],
            ledger_table=known["ledger"],
            providers=stack.providers,
            provider_secrets={provider: known[f"key:{provider}"] for provider in keys},
            policy_version=policy_version(),
            baseline_model=stack.baseline_model,
            memory_mb=stack.memory_mb,
            body_limit_bytes=stack.body_limit_bytes,
            budgets=stack.budgets,
            max_share_percent=stack.max_share_percent,
            key_limits=stack.key_limits,
        )
        logging = {"POWERTOOLS_LOG_LEVEL": stack.log_level}
        return {**ADAPTER_ENVIRONMENT, **logging, **as_environment(settings)}

    arns = {f"key:{provider}": arn for provider, arn in keys.items()}
    names = {"cache": stores.cache.name, "ledger": stores.ledger.name}
    return pulumi.Output.all(**names, **arns).apply(variables)


def bundle_to_upload(bundle: Path, *, is_uploaded: bool) -> pulumi.FileArchive:
    """Return the bundle as the function's code.

    Where Pulumi's engine will upload it, raises ``pulumi.RunError`` if it is missing, built for
    anything else than this function on Lambda, or older than the checkout. Under mocks nobody
    reads it.
    """
    if is_uploaded:
        try:
            require_deployable(
                bundle,
                CHECKOUT,
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                handler=START_SCRIPT,
            )
        except NotDeployable as error:
            raise pulumi.RunError(str(error)) from error
    # Pulumi resolves the path from its working directory, which `main: infra` changes.
    return pulumi.FileArchive(os.path.relpath(bundle))


def bundle_hash(bundle: Path) -> str | None:
    """Return the bundle's SHA-256 in base64 as Lambda reports it, or None where it is not built.

    A preview needs no bundle; a deployment builds it first.
    """
    if not bundle.exists():
        return None
    return base64.b64encode(hashlib.sha256(bundle.read_bytes()).digest()).decode()
