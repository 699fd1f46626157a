"""The declaration, read as the facts that the running parts need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from local import declared
from local.declared import DeclarationError, ExpiringTable, GatewayResponse, Route


@dataclass(frozen=True)
class Made:
    """A declared resource as the deployer returns it."""

    type: str
    name: str
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


ROUTER = Made(
    "aws:lambda/function:Function",
    "router",
    {
        "name": "sluice-dev-router",
        "handler": "functions/router/run.sh",
        "role": "arn:role",
        "runtime": "python3.13",
        "timeout": 900.0,
        "memorySize": 512.0,
        "environment": {"variables": {"SLUICE_ENVIRONMENT": "dev"}},
    },
    {"arn": "arn:fn", "version": "3"},
)
ALIAS = Made(
    "aws:lambda/alias:Alias",
    "live",
    {"functionName": "sluice-dev-router"},
    {"arn": "arn:fn:live"},
)
API = [
    Made("aws:apigateway/restApi:RestApi", "edge", {}, {"id": "api1", "rootResourceId": "root"}),
    Made("aws:apigateway/stage:Stage", "edge", {"stageName": "live"}),
    Made(
        "aws:apigateway/resource:Resource",
        "proxy",
        {"parentId": "v1", "pathPart": "{proxy+}"},
        {"id": "p"},
    ),
    Made(
        "aws:apigateway/resource:Resource",
        "v1",
        {"parentId": "root", "pathPart": "v1"},
        {"id": "v1"},
    ),
    Made("aws:apigateway/method:Method", "root", {"resourceId": "root", "httpMethod": "GET"}),
    Made("aws:apigateway/method:Method", "proxy", {"resourceId": "p", "httpMethod": "ANY"}),
    Made(
        "aws:apigateway/methodSettings:MethodSettings",
        "throttle",
        {
            "methodPath": "*/*",
            "settings": {"throttlingRateLimit": 20.0, "throttlingBurstLimit": 40.0},
        },
    ),
    Made(
        "aws:apigateway/response:Response",
        "throttled",
        {
            "responseType": "THROTTLED",
            "statusCode": "429",
            "responseTemplates": {"application/json": "{}"},
        },
    ),
]


def test_a_function_is_read_with_its_alias_and_its_defaults() -> None:
    found = declared.function([ROUTER, ALIAS], "sluice-dev-router")
    assert found.invoked_arn == "arn:fn:live"
    assert (found.timeout_seconds, found.memory_mb, found.version) == (900, 512, "3")
    assert found.log_group == "/aws/lambda/sluice-dev-router"
    assert found.readiness_path == "/"


def test_a_function_that_is_not_declared_is_named() -> None:
    with pytest.raises(DeclarationError, match="no function named other"):
        declared.function([ROUTER], "other")


def test_routes_throttling_and_responses_are_read_whatever_their_order() -> None:
    found = declared.gateway(API)
    assert found.routes == (Route("/", "GET"), Route("/v1/{proxy+}", "ANY"))
    assert (found.rate, found.burst) == (20, 40)
    assert found.responses == {"THROTTLED": GatewayResponse(429, "{}", {})}


def test_a_second_api_and_settings_for_one_path_are_refused() -> None:
    with pytest.raises(DeclarationError, match="declares 2"):
        declared.gateway([*API, API[0]])
    narrow = Made("aws:apigateway/methodSettings:MethodSettings", "n", {"methodPath": "v1/GET"})
    with pytest.raises(DeclarationError, match="v1/GET"):
        declared.gateway([narrow, *API])


def test_only_tables_with_ttl_on_expire() -> None:
    shape = {"name": "t", "hashKey": "pk", "rangeKey": "sk"}
    on = Made(
        "aws:dynamodb/table:Table",
        "on",
        {**shape, "ttl": {"enabled": True, "attributeName": "purge_at"}},
    )
    off = Made("aws:dynamodb/table:Table", "off", shape)
    assert declared.expiring_tables([on, off]) == (ExpiringTable("t", "purge_at"),)
