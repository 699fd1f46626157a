"""What the router may do."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.grants.statements import (
    CHECK,
    DELETE,
    PUT,
    QUERY,
    READ,
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
    BUDGET_PARTITIONS,
    CALLER_BATCH_PARTITIONS,
    CONTENT_PARTITIONS,
    FEEDBACK_PARTITIONS,
    FILE_PARTITIONS,
    HOLD_PARTITIONS,
    JOB_PARTITIONS,
    KEY_PARTITIONS,
    OPEN_CALLER_BATCHES_PARTITION,
    ROLLUP_PARTITIONS,
    TEAM_FOLDERS,
    USAGE_PARTITIONS,
    WAITING_PARTITIONS,
)


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
