"""Who may do what to which resource: the policies, as plain data.

DynamoDB authorises a transaction as the single actions it is made of, so what follows holds
inside ``TransactWriteItems`` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.statements import (
    CHECK,
    DELETE,
    PUT,
    QUERY,
    READ,
    SECRET,
    SEND,
    UPDATE,
    WRITE,
    Arn,
    Statement,
    allow,
    files_in,
    in_partitions,
    own_log,
    policy_of,
    provider_keys,
    under_key,
)
from shared.resources import (
    AUDIT_PARTITIONS,
    BATCH_EVENTS_PARTITION,
    BUDGET_PARTITIONS,
    CALLER_BATCH_PARTITIONS,
    CONTENT_PARTITIONS,
    FEEDBACK_PARTITIONS,
    FILE_PARTITIONS,
    GUARD_PARTITIONS,
    HOLD_PARTITIONS,
    JOB_PARTITIONS,
    KEY_PARTITIONS,
    MESSAGE_PARTITIONS,
    OPEN_CALLER_BATCHES_PARTITION,
    ROLLUP_PARTITIONS,
    TEAM_FOLDERS,
    TEAMS_PARTITION,
    USAGE_PARTITIONS,
    WAITING_PARTITIONS,
)


def may_assume(service: str) -> dict[str, Any]:
    """Return who may take on a role: one service of AWS, such as ``lambda``."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return {"Version": "2012-10-17", "Statement": [statement]}


def router_policy(
    *,
    cache: Arn,
    ledger: Arn,
    jobs: Arn,
    batches: Arn,
    jobs_queue: Arn,
    provider_secrets: Sequence[Arn],
    bedrock_models: Sequence[str],
    region: str,
    log_group: Arn,
    customer_key: Arn | None = None,
) -> pulumi.Output[str]:
    """Return the router's policy as JSON.

    On the ledger it reads keys and budgets, holds money, and writes usage once and reads it to add
    it up: a router that was taken over can neither mint a key nor rewrite one, nor wipe out what a
    call has cost. A rollup can always be rebuilt from the rows. Of deferred calls it has what teams
    asked and were answered; what is sent to providers is the dispatcher's alone.
    ``bedrock_models`` are the ids of ``global.`` inference profiles; where a list is empty, or
    there is no ``customer_key``, nothing is granted for it.
    """
    statements = [
        allow("ReadAndWriteAnswers", [*READ, *WRITE], [cache]),
        *_ledger(ledger),
        *_own_jobs(jobs),
        *files_in(batches, TEAM_FOLDERS, sid="KeepFilesOfTeams"),
        allow("WakeDispatcher", SEND, [jobs_queue]),
        *provider_keys(provider_secrets),
        *_bedrock(bedrock_models, region, log_group.apply(_account_of)),
        *under_key(customer_key, region, has_files=True),
        own_log(log_group),
    ]
    return policy_of(statements)


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
        allow("TellPeople", ["sns:Publish"], [people_topic]),
        *([allow("ReadWebhooks", SECRET, secrets)] if secrets else []),
        _METRICS,
        *under_key(customer_key, region),
        own_log(log_group),
    ]
    return policy_of(statements)


def scheduler_policy(function: Arn) -> pulumi.Output[str]:
    """Return the policy, as JSON, of a role that only starts one function."""
    statement = allow("Start", ["lambda:InvokeFunction"], [function])
    return policy_of([statement])


# CloudWatch knows no resource that reading a metric could be narrowed to (service authorization
# reference, "Actions, resources, and condition keys for Amazon CloudWatch"), and a list of
# alarms by a prefix asks for all of them.
_METRICS: Statement = {
    "Sid": "ReadMetrics",
    "Effect": "Allow",
    "Action": ["cloudwatch:GetMetricStatistics", "cloudwatch:DescribeAlarms"],
    "Resource": ["*"],
}


def _guarded(ledger: Arn) -> list[Statement]:
    counted = allow("ReadBooks", [QUERY], [ledger])
    return [
        in_partitions(allow("ReadBudgets", READ, [ledger]), *BUDGET_PARTITIONS),
        in_partitions(
            counted,
            TEAMS_PARTITION,
            *BUDGET_PARTITIONS,
            HOLD_PARTITIONS,
            USAGE_PARTITIONS,
            AUDIT_PARTITIONS,
            GUARD_PARTITIONS,
            MESSAGE_PARTITIONS,
        ),
        in_partitions(allow("EndHolds", [DELETE], [ledger]), HOLD_PARTITIONS),
        in_partitions(allow("WriteUsage", [PUT, CHECK], [ledger]), USAGE_PARTITIONS),
        in_partitions(allow("KeepRollups", [UPDATE], [ledger]), ROLLUP_PARTITIONS),
        in_partitions(allow("MoveMoney", WRITE, [ledger]), *BUDGET_PARTITIONS),
        in_partitions(
            allow("RememberWhatWasTold", [*READ, PUT, UPDATE, DELETE], [ledger]),
            GUARD_PARTITIONS,
            MESSAGE_PARTITIONS,
        ),
    ]


_INVOKE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


def _ledger(ledger: Arn) -> list[Statement]:
    read = allow("ReadKeysAndBudgets", READ, [ledger])
    return [
        in_partitions(read, KEY_PARTITIONS, *BUDGET_PARTITIONS),
        in_partitions(allow("WriteUsage", [PUT, CHECK], [ledger]), USAGE_PARTITIONS),
        in_partitions(
            allow("AddUsageUp", [QUERY], [ledger]),
            USAGE_PARTITIONS,
            FEEDBACK_PARTITIONS,
            ROLLUP_PARTITIONS,
        ),
        in_partitions(allow("KeepRollups", [UPDATE], [ledger]), ROLLUP_PARTITIONS),
        in_partitions(allow("KeepFeedback", [PUT], [ledger]), FEEDBACK_PARTITIONS),
        in_partitions(allow("Hold", [PUT, DELETE], [ledger]), HOLD_PARTITIONS),
        in_partitions(allow("MoveMoney", WRITE, [ledger]), *BUDGET_PARTITIONS),
    ]


def _own_jobs(jobs: Arn) -> list[Statement]:
    batches = (*CALLER_BATCH_PARTITIONS, OPEN_CALLER_BATCHES_PARTITION)
    kept = (*FILE_PARTITIONS, *batches)
    return [
        in_partitions(
            allow("AcceptJobs", [*READ, PUT], [jobs]), JOB_PARTITIONS, CONTENT_PARTITIONS
        ),
        in_partitions(allow("EnterRooms", [PUT, DELETE], [jobs]), WAITING_PARTITIONS),
        in_partitions(allow("KeepFiles", [*READ, *WRITE, DELETE, QUERY, CHECK], [jobs]), *kept),
        in_partitions(allow("EndBatches", [PUT], [jobs]), BATCH_EVENTS_PARTITION),
    ]


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
    here = allow("InvokeHere", _INVOKE, [f"arn:aws:bedrock:{region}::{each}" for each in behind])
    there = allow("InvokeAnywhere", _INVOKE, [f"arn:aws:bedrock:::{each}" for each in behind])
    return [
        allow("InvokeProfiles", _INVOKE, profiles),
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
