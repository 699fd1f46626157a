"""Who may take on a role, and the role that only starts a function."""

from __future__ import annotations

from typing import Any

import pulumi

from infra.grants.statements import (
    Arn,
    allow,
    policy_of,
)


def may_assume(service: str) -> dict[str, Any]:
    """Return who may take on a role: one service of AWS, such as ``lambda``."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return {"Version": "2012-10-17", "Statement": [statement]}


def scheduler_policy(function: Arn) -> pulumi.Output[str]:
    """Return the policy, as JSON, of a role that only starts one function."""
    statement = allow("Start", ["lambda:InvokeFunction"], [function])
    return policy_of([statement])
