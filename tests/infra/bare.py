"""The Pulumi program under bare mocks: nothing is created, everything declared is kept."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

from local.deploy.inputs import plain
from local.deploy.pulumi_run import run_program
from local.deploy.stack_file import StackFile, read_stack_file

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("dev", "staging", "prod")


class BareMocks(Mocks):
    def __init__(self) -> None:
        self.declared: dict[tuple[str, str], dict[str, Any]] = {}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program looked up {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs = plain(args.inputs)
        self.declared[args.typ, args.name] = inputs
        return self.identify(args.typ, args.name), {**self.invent(args, inputs), **inputs}

    def identify(self, kind: str, name: str) -> str:
        return f"{name}-id"

    def invent(self, args: MockResourceArgs, inputs: dict[str, Any]) -> dict[str, Any]:
        return {
            "arn": f"arn:aws:mock:us-east-1:123456789012:{inputs.get('name', args.name)}",
            "executionArn": "arn:aws:execute-api:us-east-1:123456789012:api",
            "rootResourceId": "root",
            "invokeUrl": "https://api.example/live",
            "version": "7",
            "bucket": inputs.get("bucketPrefix", "") + "made-up",
            "url": f"https://sqs.us-east-1.amazonaws.com/123456789012/{inputs.get('name')}",
        }


@dataclass(frozen=True)
class Kept:
    """What Pulumi's engine was told of a resource, which mocks are not told."""

    protected: bool
    retained: bool


@dataclass(frozen=True)
class Stack:
    declared: dict[tuple[str, str], dict[str, Any]]
    outputs: dict[str, Any]
    kept: dict[tuple[str, str], Kept]

    def one(self, type_token: str, name: str) -> dict[str, Any]:
        return self.declared[type_token, name]

    def all(self, type_token: str) -> list[dict[str, Any]]:
        return [inputs for (kind, _), inputs in self.declared.items() if kind == type_token]

    @property
    def function(self) -> dict[str, Any]:
        return self.one("aws:lambda/function:Function", "router")

    @property
    def statements(self) -> dict[str, dict[str, Any]]:
        policy = json.loads(self.one("aws:iam/rolePolicy:RolePolicy", "router-policy")["policy"])
        return {statement["Sid"]: statement for statement in policy["Statement"]}

    @property
    def triggers(self) -> dict[str, str]:
        triggers: dict[str, str] = self.one("aws:apigateway/deployment:Deployment", "edge")[
            "triggers"
        ]
        return triggers


@functools.cache
def declared(environment: str) -> Stack:
    """Run the program once per environment: tests only read what it declared."""
    return run_with(environment)


def run_with(environment: str, **config: Any) -> Stack:
    return run(ROOT / "infra", stack_of(environment, **config), BareMocks())


def stack_of(environment: str, **config: Any) -> StackFile:
    """The stack file of an environment, with other settings where they are given."""
    file = read_stack_file(ROOT / f"Pulumi.{environment}.yaml", "sluice")
    changed = {
        f"sluice:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    return StackFile(file.stack, {**file.config, **changed})


def run(program: Path, stack: StackFile, mocks: BareMocks) -> Stack:
    kept: dict[tuple[str, str], Kept] = {}
    register: Any = MockMonitor.RegisterResource

    def listening(monitor: MockMonitor, request: Any) -> Any:
        kept[request.type, request.name] = Kept(request.protect, request.retainOnDelete)
        return register(monitor, request)

    with mock.patch.object(MockMonitor, "RegisterResource", listening):
        outputs = run_program(program, "sluice", stack, mocks)
    return Stack(mocks.declared, outputs, kept)
