"""Puts what a program declares before our own rules, and before checkov."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_policy import (
    Policy,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from local.deploy.stack_file import StackFile
from tests.infra.bare import BareMocks, Stack, run
from tests.policy.rules.access import ACCESS
from tests.policy.rules.belonging import BELONGING
from tests.policy.rules.keeping import KEEPING
from tests.policy.rules.signals import SIGNALS
from tests.policy.terraform import ReferringMocks, as_terraform, short_address

RULES: list[Policy] = [*ACCESS, *KEEPING, *BELONGING, *SIGNALS]
CHECKOV = Path(sys.prefix) / "policy" / "bin" / "checkov"


@dataclass(frozen=True, order=True)
class Finding:
    """A rule or check that is broken, and by which resource (``<type> <name>``, or checkov's)."""

    rule: str
    resource: str


class RememberingMocks(BareMocks):
    """Mocks that tell apart what a name alone does not, and keep outputs for the stack's rules."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: Any) -> tuple[str | None, dict[Any, Any]]:
        identity, outputs = super().new_resource(args)
        self.outputs[args.typ, args.name] = {**outputs, "id": identity}
        return identity, outputs


def broken_rules(program: Path, stack: StackFile) -> set[Finding]:
    """Return which of our own rules a program breaks, and where."""
    mocks = RememberingMocks()
    declared = run(program, stack, mocks)
    urns = {
        key: f"urn:pulumi:{stack.stack}::sluice::{key[0]}::{key[1]}" for key in declared.declared
    }
    resources = [
        _resource(key, urns[key], declared.kept[key].protected, mocks.outputs[key]) for key in urns
    ]
    found: set[Finding] = set()
    for rule in RULES:
        _judge(rule, resources, declared.declared, _reporter(rule, urns, found))
    return found


def _judge(
    rule: Policy,
    resources: list[PolicyResource],
    inputs: Mapping[tuple[str, str], Mapping[str, Any]],
    report: Callable[..., None],
) -> None:
    if isinstance(rule, StackValidationPolicy):
        rule.validate(StackValidationArgs(resources), report)
    elif isinstance(rule, ResourceValidationPolicy):
        for resource in resources:
            props = inputs[resource.resource_type, resource.name]
            rule.validate(_alone(resource, props), report)


def _alone(resource: PolicyResource, props: Mapping[str, Any]) -> ResourceValidationArgs:
    kind, urn, name = resource.resource_type, resource.urn, resource.name
    return ResourceValidationArgs(kind, props, urn, name, resource.opts, None)


def _reporter(
    rule: Policy, urns: Mapping[tuple[str, str], str], found: set[Finding]
) -> Callable[..., None]:
    whose = {urn: f"{kind} {name}" for (kind, name), urn in urns.items()}

    def report(_message: str, urn: str | None = None) -> None:
        found.add(Finding(rule.name, whose[urn] if urn else "the stack"))

    return report


def _resource(
    key: tuple[str, str], urn: str, protect: bool, props: Mapping[str, Any]
) -> PolicyResource:
    kind, name = key
    options = PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    return PolicyResource(kind, props, urn, name, options, None, None, [], {})


def write_terraform(program: Path, stack: StackFile, folder: Path) -> Stack:
    """Write a program's ``main.tf.json`` into a folder of its own."""
    declared = run(program, stack, ReferringMocks())
    folder.mkdir()
    (folder / "main.tf.json").write_text(as_terraform(declared), encoding="utf-8")
    return declared


def failed_checks(folder: Path) -> dict[str, set[Finding]]:
    """Run checkov offline over a folder of programs; return what fails, by subfolder."""
    command = [CHECKOV, "--directory", ".", "--framework", "terraform_json", "--skip-download"]
    done = subprocess.run(  # noqa: S603 -- our own environment's program
        [*map(str, command), "--compact", "--quiet", "--output", "json"],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )
    report = json.loads(done.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise AssertionError(f"checkov read nothing: {report['summary']} {done.stderr}")
    found: dict[str, set[Finding]] = {path.name: set() for path in folder.iterdir()}
    for failed in report["results"]["failed_checks"]:
        place = Path(failed["file_path"]).parts[1]
        found[place].add(Finding(failed["check_id"], short_address(failed["resource"])))
    return found
