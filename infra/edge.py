"""The edge: a regional REST API that hands every request to the router and streams back.

REST and not HTTP API: only REST streams a Lambda answer, for up to 15 minutes (API Gateway
developer guide, "Stream the integration response").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.access_log import declare_access_log
from infra.encryption import Encryption
from infra.refusals import REFUSALS, Refusal
from infra.router import Router
from infra.settings import StackSettings
from shared.resources import resource_name

PATHS = {"root": None, "proxy": "{proxy+}"}
"""Everything below the stage: the root itself, and whatever stands under it."""

STAGE = "live"
EVERY_TYPE = ["*/*"]  # Request bytes reach the router exactly as they were sent.
METHOD = {
    "http_method": "ANY",
    # Gateway keys are the router's affair: it needs the key's row anyway, in the same read.
    "authorization": "NONE",
}
STREAMING = {
    "type": "AWS_PROXY",
    "integration_http_method": "POST",
    "response_transfer_mode": "STREAM",
    "timeout_milliseconds": 900_000,
}


@dataclass(frozen=True)
class Edge:
    """What a caller reaches."""

    api: aws.apigateway.RestApi
    stage: aws.apigateway.Stage

    @property
    def endpoint(self) -> pulumi.Output[str]:
        """The base URL that callers append ``/v1`` to."""
        url: pulumi.Output[str] = self.stage.invoke_url
        return url


def declare_edge(stack: StackSettings, router: Router, encryption: Encryption | None) -> Edge:
    """Declare the API, its routes to the router, its refusals and its one stage."""
    api = aws.apigateway.RestApi(
        "edge",
        name=resource_name(stack.environment, "edge"),
        description=f"Sluice in {stack.environment}.",
        endpoint_configuration={"types": "REGIONAL"},
        binary_media_types=EVERY_TYPE,
        tags=stack.tags,
        # Its id is in the URL that callers have written down.
        opts=pulumi.ResourceOptions(protect=stack.deletion_protection),
    )
    uri = _streaming_uri(stack.region, router.alias.arn)
    parts = [*_routes(api, uri), *(_refusal(api, row) for row in REFUSALS)]
    _let_in(api, router)
    stage = _stage(stack, api, _deployment(api, uri, parts), declare_access_log(stack, encryption))
    _limit(stack, api, stage)
    return Edge(api, stage)


def _streaming_uri(region: str, alias: pulumi.Output[str]) -> pulumi.Output[str]:
    # Only functions have a streaming ARN attribute, aliases do not: this is its documented form.
    invoke = f"arn:aws:apigateway:{region}:lambda:path/2021-11-15/functions/"
    return pulumi.Output.concat(invoke, alias, "/response-streaming-invocations")


def _routes(api: aws.apigateway.RestApi, uri: pulumi.Output[str]) -> list[pulumi.Resource]:
    return [part for name, path in PATHS.items() for part in _route(api, name, path, uri)]


def _route(
    api: aws.apigateway.RestApi, name: str, path: str | None, uri: pulumi.Output[str]
) -> list[pulumi.Resource]:
    place = {"rest_api": api.id, "resource_id": _resource_id(api, name, path)}
    method = aws.apigateway.Method(name, **place, **METHOD)
    integration = aws.apigateway.Integration(
        name, **place, http_method=method.http_method, uri=uri, **STREAMING
    )
    return [method, integration]


def _resource_id(
    api: aws.apigateway.RestApi, name: str, path: str | None
) -> pulumi.Output[str] | Any:
    if path is None:
        return api.root_resource_id
    parent = api.root_resource_id
    return aws.apigateway.Resource(name, rest_api=api.id, parent_id=parent, path_part=path).id


def _refusal(api: aws.apigateway.RestApi, row: Refusal) -> aws.apigateway.Response:
    return aws.apigateway.Response(
        row.response_type.lower().replace("_", "-"),
        rest_api_id=api.id,
        response_type=row.response_type,
        status_code=str(row.status) if row.status else None,
        response_parameters=row.parameters,
        response_templates={"application/json": row.template},
    )


def _let_in(api: aws.apigateway.RestApi, router: Router) -> None:
    aws.lambda_.Permission(
        "edge-invokes-router",
        action="lambda:InvokeFunction",
        function=router.function.name,
        qualifier=router.alias.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, f"/{STAGE}/*/*"),
    )


def _deployment(
    api: aws.apigateway.RestApi, uri: pulumi.Output[str], parts: list[pulumi.Resource]
) -> aws.apigateway.Deployment:
    return aws.apigateway.Deployment(
        "edge",
        rest_api=api.id,
        # A deployment is a snapshot: without a trigger that changes, no change ever goes live.
        triggers={"served": _fingerprint(uri)},
        opts=pulumi.ResourceOptions(depends_on=parts),
    )


def _fingerprint(uri: pulumi.Output[str]) -> pulumi.Output[str]:
    refusals = [[row.response_type, row.status, row.parameters, row.template] for row in REFUSALS]
    served = {
        "paths": PATHS,
        "method": METHOD,
        "integration": {**STREAMING, "uri": uri},
        "media": EVERY_TYPE,
        "refusals": refusals,
    }
    return pulumi.Output.json_dumps(served, sort_keys=True).apply(_sha256)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _stage(
    stack: StackSettings,
    api: aws.apigateway.RestApi,
    deployment: aws.apigateway.Deployment,
    access_log: dict[str, Any] | None,
) -> aws.apigateway.Stage:
    return aws.apigateway.Stage(
        "edge",
        rest_api=api.id,
        deployment=deployment.id,
        stage_name=STAGE,
        access_log_settings=access_log,
        tags=stack.tags,
    )


def _limit(stack: StackSettings, api: aws.apigateway.RestApi, stage: aws.apigateway.Stage) -> None:
    limits = {
        "throttling_rate_limit": stack.throttle_rate,
        "throttling_burst_limit": stack.throttle_burst,
        # API Gateway's execution log would hold prompts and keys.
        "logging_level": "OFF",
        "data_trace_enabled": False,
    }
    aws.apigateway.MethodSettings(
        "throttle",
        rest_api=api.id,
        stage_name=stage.stage_name,
        method_path="*/*",
        settings=limits,
    )
