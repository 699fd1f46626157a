"""Who may do what: no wildcard, no open door."""

from __future__ import annotations

import re

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from tests.policy.rules.documents import allowing, is_open, statements, values

# Six parts, of which the last names something: `arn:aws:s3:::*` names nothing.
_NAMES_SOMETHING = re.compile(r"arn:aws:[^:]*:[^:]*:[^:]*:[^*].*")


def no_wildcard_action(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for statement in allowing(args.props):
        wild = [action for action in values(statement, "Action") if "*" in action]
        if wild or "NotAction" in statement:
            report(
                f"{statement.get('Sid', 'a statement')} allows {wild or 'all but some'}", args.urn
            )


def scoped_resources(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for statement in allowing(args.props):
        loose = [r for r in values(statement, "Resource") if not _NAMES_SOMETHING.fullmatch(r)]
        if loose or "NotResource" in statement:
            report(
                f"{statement.get('Sid', 'a statement')} reaches {loose or 'all but some'}", args.urn
            )


def no_open_door(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if any(is_open(statement) for statement in statements(args.props)):
        report("anybody may use it", args.urn)


def invoked_by_a_named_source(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == "aws:lambda/permission:Permission" and not args.props.get("sourceArn"):
        report("a service may invoke the function on anybody's behalf", args.urn)


ACCESS = [
    ResourceValidationPolicy(
        "no-wildcard-action", "A policy names each action that it allows.", no_wildcard_action
    ),
    ResourceValidationPolicy(
        "scoped-resources", "A policy names the resources that it reaches.", scoped_resources
    ),
    ResourceValidationPolicy("no-open-door", "No policy lets everybody in.", no_open_door),
    ResourceValidationPolicy(
        "named-source", "A function says on whose behalf it is invoked.", invoked_by_a_named_source
    ),
]
