"""Who may do what to which resource: the policies, as plain data.

DynamoDB authorises a transaction as the single actions it is made of, so what follows holds
inside ``TransactWriteItems`` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from shared.resources import (
    AUDIT_PARTITIONS,
    BUDGET_PARTITIONS,
    FEEDBACK_PARTITIONS,
    GUARD_PARTITIONS,
    HOLD_PARTITIONS,
    KEY_PARTITIONS,
    MESSAGE_PARTITIONS,
    ROLLUP_PARTITIONS,
    TEAMS_PARTITION,
    USAGE_PARTITIONS,
)

Arn = pulumi.Output[str]
Statement = dict[str, Any]


def may_assume(service: str) -> dict[str, Any]:
    """Return who may take on a role: one service of AWS, such as ``lambda``."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return {"Version": "2012-10-17", "Statement": [statement]}


def router_policy(
    *,
    cache: Arn,
    ledger: Arn,
    provider_secrets: Sequence[Arn],
    bedrock_models: Sequence[str],
    region: str,
    log_group: Arn,
    customer_key: Arn | None = None,
) -> pulumi.Output[str]:
    """Return the router's policy as JSON.

    On the ledger it reads keys and budgets, holds money, and writes usage once and reads it to add
    it up: a router that was taken over can neither mint a key nor rewrite one, nor wipe out what a
    call has cost. A rollup can always be rebuilt from the rows.
    ``bedrock_models`` are the ids of ``global.`` inference profiles; where a list is empty, or
    there is no ``customer_key``, nothing is granted for it.
    """
    statements = [
        _allow("ReadAndWriteAnswers", [*_READ, *_WRITE], [cache]),
        *_ledger(ledger),
        *_provider_keys(provider_secrets),
        *_bedrock(bedrock_models, region, log_group.apply(_account_of)),
        *_customer_key(customer_key, region),
        _allow("WriteOwnLog", _LOG, [pulumi.Output.concat(log_group, ":*")]),
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})


def guard_policy(
    *,
    ledger: Arn,
    people_topic: Arn,
    webhook_secret: Arn | None,
    region: str,
    log_group: Arn,
    customer_key: Arn | None = None,
) -> pulumi.Output[str]:
    """Return the budget guard's policy as JSON.

    It reads what money is counted in, ends expired holds as the router would have, and writes
    down what people were told. It can neither read a key, nor change a cap, nor see an answer.
    """
    secrets = [webhook_secret] if webhook_secret is not None else []
    statements = [
        *_guarded(ledger),
        _allow("TellPeople", ["sns:Publish"], [people_topic]),
        *([_allow("ReadWebhooks", _SECRET, secrets)] if secrets else []),
        _METRICS,
        *_customer_key(customer_key, region),
        _allow("WriteOwnLog", _LOG, [pulumi.Output.concat(log_group, ":*")]),
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})


def scheduler_policy(function: Arn) -> pulumi.Output[str]:
    """Return the policy, as JSON, of a role that only starts one function."""
    statement = _allow("Start", ["lambda:InvokeFunction"], [function])
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


# CloudWatch knows no resource that reading a metric could be narrowed to (service authorization
# reference, "Actions, resources, and condition keys for Amazon CloudWatch").
_METRICS: Statement = {
    "Sid": "ReadMetrics",
    "Effect": "Allow",
    "Action": ["cloudwatch:GetMetricStatistics"],
    "Resource": ["*"],
}


def _guarded(ledger: Arn) -> list[Statement]:
    counted = _allow("ReadBooks", [_QUERY], [ledger])
    return [
        _in_partitions(_allow("ReadBudgets", _READ, [ledger]), *BUDGET_PARTITIONS),
        _in_partitions(
            counted,
            TEAMS_PARTITION,
            *BUDGET_PARTITIONS,
            HOLD_PARTITIONS,
            USAGE_PARTITIONS,
            AUDIT_PARTITIONS,
            GUARD_PARTITIONS,
            MESSAGE_PARTITIONS,
        ),
        _in_partitions(_allow("EndHolds", [_DELETE], [ledger]), HOLD_PARTITIONS),
        _in_partitions(_allow("WriteUsage", [_PUT, _CHECK], [ledger]), USAGE_PARTITIONS),
        _in_partitions(_allow("KeepRollups", [_UPDATE], [ledger]), ROLLUP_PARTITIONS),
        _in_partitions(_allow("MoveMoney", _WRITE, [ledger]), *BUDGET_PARTITIONS),
        _in_partitions(
            _allow("RememberWhatWasTold", [*_READ, _PUT, _UPDATE, _DELETE], [ledger]),
            GUARD_PARTITIONS,
            MESSAGE_PARTITIONS,
        ),
    ]


_READ = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
_PUT = "dynamodb:PutItem"
_DELETE = "dynamodb:DeleteItem"
_UPDATE = "dynamodb:UpdateItem"
_QUERY = "dynamodb:Query"
_CHECK = "dynamodb:ConditionCheckItem"
_WRITE = [_PUT, _UPDATE]
_INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
_SECRET = ["secretsmanager:GetSecretValue"]
_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]


def _ledger(ledger: Arn) -> list[Statement]:
    read = _allow("ReadKeysAndBudgets", _READ, [ledger])
    return [
        _in_partitions(read, KEY_PARTITIONS, *BUDGET_PARTITIONS),
        _in_partitions(_allow("WriteUsage", [_PUT], [ledger]), USAGE_PARTITIONS),
        _in_partitions(
            _allow("AddUsageUp", [_QUERY], [ledger]),
            USAGE_PARTITIONS,
            FEEDBACK_PARTITIONS,
            ROLLUP_PARTITIONS,
        ),
        _in_partitions(_allow("KeepRollups", [_UPDATE], [ledger]), ROLLUP_PARTITIONS),
        _in_partitions(_allow("KeepFeedback", [_PUT], [ledger]), FEEDBACK_PARTITIONS),
        _in_partitions(_allow("Hold", [_PUT, _DELETE], [ledger]), HOLD_PARTITIONS),
        _in_partitions(_allow("MoveMoney", _WRITE, [ledger]), *BUDGET_PARTITIONS),
    ]


def _provider_keys(secrets: Sequence[Arn]) -> list[Statement]:
    # IAM refuses a statement without a resource.
    return [_allow("ReadProviderKeys", _SECRET, secrets)] if secrets else []


def _customer_key(key: Arn | None, region: str) -> list[Statement]:
    """Allow to decrypt, and only in the course of reading a table or a secret.

    Both services encrypt with data keys of their own, made when the table or the secret's value
    was written by somebody else; a reader or writer of items only has them decrypted.
    """
    if key is None:
        return []
    services = [f"{service}.{region}.amazonaws.com" for service in ("dynamodb", "secretsmanager")]
    through = {"StringEquals": {"kms:ViaService": services}}
    return [{**_allow("ReadEncrypted", ["kms:Decrypt"], [key]), "Condition": through}]


def _bedrock(models: Sequence[str], region: str, account: Arn) -> list[Statement]:
    """Allow the profiles, and the models behind them only when a profile leads there.

    A global profile asks three times: for itself, for the model here, and for the model in no
    region at all, which is how AWS writes "in any", so that no wildcard is needed. Source:
    https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """
    if not models:
        return []
    behind = [f"foundation-model/{_foundation_model(model)}" for model in models]
    profiles = [
        pulumi.Output.concat(f"arn:aws:bedrock:{region}:", account, f":inference-profile/{model}")
        for model in models
    ]
    here = _allow("InvokeHere", _INVOKE, [f"arn:aws:bedrock:{region}::{each}" for each in behind])
    there = _allow("InvokeAnywhere", _INVOKE, [f"arn:aws:bedrock:::{each}" for each in behind])
    return [
        _allow("InvokeProfiles", _INVOKE, profiles),
        _through(here, profiles, region),
        _through(there, profiles, "unspecified"),
    ]


def _through(statement: Statement, profiles: Sequence[Arn], region: str) -> Statement:
    # Called by its own id a model costs a tenth more than the price that the ledger would stamp.
    equals = {"aws:RequestedRegion": region, "bedrock:InferenceProfileArn": list(profiles)}
    return {**statement, "Condition": {"StringEquals": equals}}


def _foundation_model(profile: str) -> str:
    prefix, _, model = profile.partition(".")
    if prefix != "global":
        raise ValueError(f"no grant is known for {profile}: it is not a global inference profile")
    return model


def _account_of(arn: str) -> str:
    return arn.split(":")[4]


def _allow(sid: str, actions: Sequence[str], resources: Sequence[Arn | str]) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _in_partitions(statement: Statement, *patterns: str) -> Statement:
    # ForAllValues is true of a request without leading keys, such as Scan: never combine this
    # with an action that can be asked without naming a partition.
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(patterns)}}
    return {**statement, "Condition": condition}
