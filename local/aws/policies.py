"""Judges one asked permission against IAM policy documents. Pure.

An explicit Deny wins, then any Allow, else the answer is no. What this judge does not know,
such as a condition operator, it refuses and says so: a policy it cannot read grants nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Ask:
    """One permission that a call needs: an action on a resource, with what conditions may see.

    ``context`` holds the condition keys of this call; a key without a value here is absent.
    """

    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether it may be done, and why."""

    allowed: bool
    reason: str


class UnreadablePolicyError(ValueError):
    """A policy uses something that this judge does not know; says what."""


SOURCE_ARN = "aws:SourceArn"
SOURCE_ACCOUNT = "aws:SourceAccount"
CONDITION_KEYS = frozenset(
    {"dynamodb:LeadingKeys", "cloudwatch:namespace", "s3:prefix", SOURCE_ARN, SOURCE_ACCOUNT}
)
"""The condition keys that :mod:`local.aws.asks` fills in where a call has them, and those that a
service's call on behalf of a resource has."""


def judge(policies: Iterable[Mapping[str, Any]], ask: Ask) -> Verdict:
    """Return the verdict of identity policies on one ask."""
    try:
        effects = [
            statement["Effect"]
            for policy in policies
            for statement in _as_list(policy["Statement"])
            if _applies(statement, ask)
        ]
    except UnreadablePolicyError as unreadable:
        return Verdict(False, str(unreadable))
    if "Deny" in effects:
        return Verdict(False, "a policy denies it explicitly")
    if "Allow" in effects:
        return Verdict(True, "a policy allows it")
    return Verdict(False, "no policy allows it")


def service_may(
    policy: Mapping[str, Any], service: str, action: str, resource: str, source_arn: str
) -> Verdict:
    """Return a resource policy's verdict on a service that acts for one of our own resources."""
    statements = [
        statement
        for statement in _as_list(policy["Statement"])
        if _names(statement.get("Principal", {}), service)
    ]
    context = {SOURCE_ARN: [source_arn], SOURCE_ACCOUNT: [source_arn.split(":")[4]]}
    return judge([{"Statement": statements}], Ask(action, resource, context))


def _names(principal: Any, service: str) -> bool:
    if not isinstance(principal, Mapping):
        return bool(principal == "*")
    return service in _as_list(principal.get("Service", []))


def _applies(statement: Mapping[str, Any], ask: Ask) -> bool:
    return (
        _covers(statement, "Action", ask.action.lower(), str.lower)
        and _covers(statement, "Resource", ask.resource, _without_variables)
        and all(
            _condition_holds(operator, key, _as_list(wanted), ask)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _covers(
    statement: Mapping[str, Any], element: str, value: str, read: Callable[[str], str]
) -> bool:
    negative = f"Not{element}" in statement
    patterns = _as_list(statement[f"Not{element}" if negative else element])
    return negative != any(matches(read(pattern), value) for pattern in patterns)


def _condition_holds(operator: str, key: str, wanted: list[str], ask: Ask) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if quantifier not in {"", "ForAllValues"} or name not in _OPERATORS:
        raise UnreadablePolicyError(f"the condition operator {operator} is not known here")
    if key not in CONDITION_KEYS:
        raise UnreadablePolicyError(f"the condition key {key} is not known here")
    compare = _OPERATORS[name]
    patterns = [_without_variables(pattern) for pattern in wanted]
    values = ask.context.get(key, ())
    # ForAllValues is true of no values at all, as on AWS; a plain operator needs one.
    return (bool(values) or bool(quantifier)) and all(
        any(compare(pattern, value) for pattern in patterns) for value in values
    )


def _equals(wanted: str, value: str) -> bool:
    return wanted == value


def matches(pattern: str, value: str) -> bool:
    """Tell whether a value matches a pattern in which ``*`` and ``?`` are wildcards."""
    return _compiled(pattern).fullmatch(value) is not None


_OPERATORS = {
    "StringEquals": _equals,
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
}


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def _without_variables(pattern: str) -> str:
    if "${" in pattern:
        raise UnreadablePolicyError(f"the policy variable in {pattern} is not known here")
    return pattern


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
