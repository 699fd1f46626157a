"""The words that policies are made of: statements, and the actions that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi

Arn = pulumi.Output[str]
Statement = dict[str, Any]

READ: Final = ("dynamodb:BatchGetItem", "dynamodb:GetItem")
PUT: Final = "dynamodb:PutItem"
DELETE: Final = "dynamodb:DeleteItem"
UPDATE: Final = "dynamodb:UpdateItem"
QUERY: Final = "dynamodb:Query"
CHECK: Final = "dynamodb:ConditionCheckItem"
WRITE: Final = (PUT, UPDATE)
SECRET: Final = ("secretsmanager:GetSecretValue",)
SEND: Final = ("sqs:SendMessage",)
LOG: Final = ("logs:CreateLogStream", "logs:PutLogEvents")


def policy_of(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """Return a policy as JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(sid: str, actions: Sequence[str], resources: Sequence[Arn | str]) -> Statement:
    """Return a statement that allows actions on resources."""
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def in_partitions(statement: Statement, *patterns: str) -> Statement:
    """Return a statement about a table, narrowed to some of its partitions."""
    # ForAllValues is true of a request without leading keys, such as Scan: never combine this
    # with an action that can be asked without naming a partition.
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(patterns)}}
    return {**statement, "Condition": condition}


def provider_keys(secrets: Sequence[Arn]) -> list[Statement]:
    """Allow to read the keys of providers."""
    # IAM refuses a statement without a resource.
    return [allow("ReadProviderKeys", SECRET, secrets)] if secrets else []


def own_log(log_group: Arn) -> Statement:
    """Allow a function to write its own log."""
    return allow("WriteOwnLog", LOG, [pulumi.Output.concat(log_group, ":*")])


def files_in(bucket: Arn, folders: Sequence[str], *, sid: str) -> list[Statement]:
    """Allow to read and write files whose keys match one of some patterns.

    Without leave to list a bucket S3 says of a file that is not there that it is forbidden, which
    nothing could tell from a missing grant (S3 API reference, GetObject).
    """
    actions = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
    keys = [pulumi.Output.concat(bucket, f"/{folder}") for folder in folders]
    return [allow(sid, actions, keys), allow("TellMissingFiles", ["s3:ListBucket"], [bucket])]


def under_key(key: Arn | None, region: str, *, has_files: bool = False) -> list[Statement]:
    """Allow to decrypt, and only in the course of reading a table, a secret or a file.

    DynamoDB and Secrets Manager encrypt with data keys of their own, made when the table or the
    secret's value was written by somebody else; a reader or writer of items only has them
    decrypted. S3 asks for a data key in the name of who writes a file.
    """
    if key is None:
        return []
    services = [f"{service}.{region}.amazonaws.com" for service in ("dynamodb", "secretsmanager")]
    read = {**allow("ReadEncrypted", ["kms:Decrypt"], [key]), **_through(services)}
    if not has_files:
        return [read]
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    files = {**allow("KeepEncrypted", actions, [key]), **_through([f"s3.{region}.amazonaws.com"])}
    return [read, files]


def _through(services: Sequence[str]) -> Statement:
    return {"Condition": {"StringEquals": {"kms:ViaService": list(services)}}}
