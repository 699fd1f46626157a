"""Who may do what to which resource: the policies, as plain data.

DynamoDB authorises a transaction as the single actions it is made of, so what follows holds
inside ``TransactWriteItems`` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from shared.resources import KEY_PARTITIONS, USAGE_PARTITIONS

Arn = pulumi.Output[str]
Statement = dict[str, Any]

LAMBDA_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


def router_policy(
    *, cache: Arn, ledger: Arn, provider_secrets: Sequence[Arn], log_group: Arn
) -> pulumi.Output[str]:
    """Return the router's policy as JSON.

    On the ledger it reads keys and writes usage, and neither the other way round: a router that
    was taken over can neither mint a key nor rewrite one.
    """
    statements = [
        _allow("ReadAndWriteAnswers", [*_READ, *_WRITE], [cache]),
        _in_partitions(_allow("ReadKeys", _READ, [ledger]), KEY_PARTITIONS),
        _in_partitions(_allow("WriteUsage", _WRITE, [ledger]), USAGE_PARTITIONS),
        _allow("ReadProviderKeys", ["secretsmanager:GetSecretValue"], provider_secrets),
        _allow("WriteOwnLog", _LOG, [pulumi.Output.concat(log_group, ":*")]),
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})


_READ = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
_WRITE = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]


def _allow(sid: str, actions: Sequence[str], resources: Sequence[Arn]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _in_partitions(statement: Statement, pattern: str) -> Statement:
    # ForAllValues is true of a request without leading keys, such as Scan: never combine this
    # with an action that can be asked without naming a partition.
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [pattern]}}
    return {**statement, "Condition": condition}
