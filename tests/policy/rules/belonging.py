"""Whose a resource is: its environment is in its name and in its tags."""

from __future__ import annotations

import functools
import importlib
import inspect

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from shared.resources import PROJECT

# Python's own word cannot be a module's name.
_MODULES = {"lambda": "lambda_"}
# What holds a physical name, by type; ``name`` for the rest.
_NAME = {"aws:s3/bucket:Bucket": "bucket"}


def named_after_the_environment(args: ResourceValidationArgs, report: ReportViolation) -> None:
    name = args.props.get(_NAME.get(args.resource_type, "name"))
    environment = _environment(args.urn)
    marks = (f"{PROJECT}-{environment}-", f"{PROJECT}/{environment}/")
    if name is not None and not any(mark in str(name) for mark in marks):
        report(f"{name} is in the way of another environment's", args.urn)


def tagged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if not _is_taggable(args.resource_type):
        return
    wanted = {"project": PROJECT, "environment": _environment(args.urn)}
    if not wanted.items() <= (args.props.get("tags") or {}).items():
        report("the bill cannot say whose this is", args.urn)


def _environment(urn: str) -> str:
    return urn.split(":")[2]


@functools.cache
def _is_taggable(kind: str) -> bool:
    """Ask the SDK's own class, so that no list here can be out of date."""
    _, where, name = kind.split(":")
    module = where.split("/")[0]
    sdk = importlib.import_module(f"pulumi_aws.{_MODULES.get(module, module)}")
    return "tags" in inspect.signature(getattr(sdk, name)._internal_init).parameters


BELONGING = [
    ResourceValidationPolicy(
        "named", "A name carries its environment.", named_after_the_environment
    ),
    ResourceValidationPolicy("tagged", "What can be tagged says whose it is.", tagged),
]
