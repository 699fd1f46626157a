"""What the deployment declares, as the few frozen facts that the running parts need.

Pure: reads the resources that :mod:`local.deploy` returns (camelCase keys, as Pulumi hands them
to mocks) and creates nothing. What is missing or makes no sense is a :class:`DeclarationError`
that names the resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Protocol

DEFAULT_MEMORY_MB = 128
DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_RATE = 10_000.0
DEFAULT_BURST = 5_000


class DeclarationError(ValueError):
    """The program declares something that the local world cannot run."""


class Resource(Protocol):
    """One declared resource, as ``local.deploy`` returns it."""

    @property
    def type(self) -> str:
        """Pulumi's type token, such as ``aws:lambda/function:Function``."""

    @property
    def name(self) -> str:
        """The logical name in the program."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The declared properties."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The properties after creation; ``arn`` and ``id`` where the resource has them."""


@dataclass(frozen=True)
class Function:
    """A function: behind the Web Adapter, where its wrapper is declared, or a plain handler.

    ``invoked_arn`` is the ARN that callers use (the alias, where there is one), ``arn`` the
    function's own. ``bundle`` is the name of the declared zip without its ending, ``concurrency``
    the declared reserve of concurrent executions, ``dead_letter_arn`` where asynchronous events
    go that failed for good.
    """

    name: str
    handler: str
    role_arn: str
    invoked_arn: str
    environment: Mapping[str, str]
    timeout_seconds: float
    memory_mb: int
    runtime: str
    version: str
    log_group: str
    arn: str = ""
    bundle: str = ""
    concurrency: int | None = None
    dead_letter_arn: str | None = None

    @property
    def is_web(self) -> bool:
        """Whether the adapter's wrapper runs it, and the handler is a start script."""
        return "AWS_LAMBDA_EXEC_WRAPPER" in self.environment

    @property
    def arns(self) -> tuple[str, ...]:
        """Every ARN that means this function."""
        latest = (f"{self.arn}:$LATEST",) if self.arn else ()
        return tuple(dict.fromkeys(filter(None, (self.invoked_arn, self.arn, *latest))))

    @property
    def readiness_path(self) -> str:
        """The path the adapter polls until the server answers below 500."""
        return self.environment.get("AWS_LWA_READINESS_CHECK_PATH", "/")


@dataclass(frozen=True)
class Route:
    """One API Gateway resource with one method (``ANY`` for all)."""

    path: str
    method: str


@dataclass(frozen=True)
class GatewayResponse:
    """A declared answer of API Gateway's own, such as for ``THROTTLED``."""

    status: int | None
    template: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gateway:
    """The REST API: its routes, its throttling (requests a second, burst) and its own answers."""

    api_id: str
    stage: str
    routes: tuple[Route, ...]
    rate: float = DEFAULT_RATE
    burst: int = DEFAULT_BURST
    responses: Mapping[str, GatewayResponse] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpiringTable:
    """A DynamoDB table with TTL on: its name and TTL attribute."""

    name: str
    attribute: str


def function(resources: Iterable[Resource], name: str) -> Function:
    """Return the declared function of one physical name."""
    known = list(resources)
    for found in of_type(known, "aws:lambda/function:Function"):
        if _physical(found, "name") == name:
            return _function(found, _invoked_arn(known, found, name))
    raise DeclarationError(f"no function named {name} is declared")


def plain_functions(resources: Iterable[Resource]) -> tuple[Function, ...]:
    """Return every declared function that no adapter runs."""
    known = list(resources)
    names = [_physical(f, "name") for f in of_type(known, "aws:lambda/function:Function")]
    return tuple(each for name in names if not (each := function(known, name)).is_web)


def gateway(resources: Iterable[Resource]) -> Gateway:
    """Return the declared REST API; there must be exactly one, with one stage."""
    known = list(resources)
    api = _only(known, "aws:apigateway/restApi:RestApi")
    stage = _only(known, "aws:apigateway/stage:Stage")
    rate, burst = _throttling(known)
    return Gateway(
        api_id=str(api.outputs["id"]),
        stage=str(stage.inputs["stageName"]),
        routes=_routes(known, str(api.outputs["rootResourceId"])),
        rate=rate,
        burst=burst,
        responses=_responses(known),
    )


def expiring_tables(resources: Iterable[Resource]) -> tuple[ExpiringTable, ...]:
    """Return every declared table whose TTL is on."""
    return tuple(
        ExpiringTable(_physical(table, "name"), str(ttl["attributeName"]))
        for table in of_type(resources, "aws:dynamodb/table:Table")
        if (ttl := table.inputs.get("ttl") or {}).get("enabled")
    )


def of_type(resources: Iterable[Resource], type_token: str) -> list[Resource]:
    """Return the resources of one type, in the order of declaration."""
    return [resource for resource in resources if resource.type == type_token]


def _function(resource: Resource, invoked_arn: str) -> Function:
    inputs = resource.inputs
    name = _physical(resource, "name")
    return Function(
        name=name,
        handler=str(inputs["handler"]),
        role_arn=str(inputs["role"]),
        invoked_arn=invoked_arn,
        environment={k: str(v) for k, v in _nested(inputs, "environment", "variables").items()},
        timeout_seconds=float(inputs.get("timeout", DEFAULT_TIMEOUT_SECONDS)),
        memory_mb=int(inputs.get("memorySize", DEFAULT_MEMORY_MB)),
        runtime=str(inputs.get("runtime", "")),
        version=str(resource.outputs.get("version", "$LATEST")),
        log_group=str(_nested(inputs, "loggingConfig").get("logGroup") or f"/aws/lambda/{name}"),
        arn=str(resource.outputs.get("arn", "")),
        bundle=PurePath(str(inputs.get("code", ""))).stem,
        concurrency=_whole(inputs.get("reservedConcurrentExecutions")),
        dead_letter_arn=_nested(inputs, "deadLetterConfig").get("targetArn"),
    )


def _invoked_arn(resources: Iterable[Resource], found: Resource, name: str) -> str:
    called = {name, str(found.outputs["arn"])}
    for alias in of_type(resources, "aws:lambda/alias:Alias"):
        if alias.inputs.get("functionName") in called:
            return str(alias.outputs["arn"])
    return str(found.outputs["arn"])


def _routes(resources: list[Resource], root: str) -> tuple[Route, ...]:
    paths = {root: ""}
    waiting = of_type(resources, "aws:apigateway/resource:Resource")
    while waiting:
        ready = [r for r in waiting if r.inputs["parentId"] in paths]
        if not ready:
            raise DeclarationError(f"API resource {waiting[0].name} has an unknown parent")
        for resource in ready:
            parent = paths[resource.inputs["parentId"]]
            paths[str(resource.outputs["id"])] = f"{parent}/{resource.inputs['pathPart']}"
        waiting = [r for r in waiting if r not in ready]
    return tuple(
        Route(paths[str(method.inputs["resourceId"])] or "/", str(method.inputs["httpMethod"]))
        for method in of_type(resources, "aws:apigateway/method:Method")
    )


def _throttling(resources: list[Resource]) -> tuple[float, int]:
    for settings in of_type(resources, "aws:apigateway/methodSettings:MethodSettings"):
        path = settings.inputs["methodPath"]
        if path != "*/*":
            raise DeclarationError(f"{settings.name}: method settings for {path}, not */*")
        declared = settings.inputs["settings"]
        return (
            float(declared.get("throttlingRateLimit", DEFAULT_RATE)),
            int(declared.get("throttlingBurstLimit", DEFAULT_BURST)),
        )
    return DEFAULT_RATE, DEFAULT_BURST


def _responses(resources: list[Resource]) -> dict[str, GatewayResponse]:
    return {
        str(response.inputs["responseType"]): _response(response)
        for response in of_type(resources, "aws:apigateway/response:Response")
    }


def _response(resource: Resource) -> GatewayResponse:
    status = resource.inputs.get("statusCode")
    return GatewayResponse(
        status=int(status) if status is not None else None,
        template=_nested(resource.inputs, "responseTemplates").get("application/json"),
        headers=dict(_nested(resource.inputs, "responseParameters")),
    )


def _only(resources: list[Resource], type_token: str) -> Resource:
    found = of_type(resources, type_token)
    if len(found) != 1:
        raise DeclarationError(f"expected one {type_token}, the program declares {len(found)}")
    return found[0]


def _whole(value: Any) -> int | None:
    # -1 is Pulumi's word for "no reserve".
    return None if value is None or value < 0 else int(value)


def _physical(resource: Resource, key: str) -> str:
    return str(resource.outputs.get(key) or resource.inputs.get(key) or resource.name)


def _nested(inputs: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        inputs = inputs.get(key) or {}
    return inputs
