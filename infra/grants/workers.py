"""What the dispatcher and the collector may do: the two that bring deferred calls to their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    FILE_PARTITIONS,
    HOLD_PARTITIONS,
    JOB_PARTITIONS,
    KEY_PARTITIONS,
    LANES_PARTITION,
    OPEN_BATCHES_PARTITION,
    OPEN_CALLER_BATCHES_PARTITION,
    PAST_BATCHES_PARTITION,
    ROLLUP_PARTITIONS,
    USAGE_PARTITIONS,
    WAITING_PARTITIONS,
)


@dataclass(frozen=True)
class Reach:
    """The ARNs of what both of them work with."""

    cache: Arn
    ledger: Arn
    jobs: Arn
    batches: Arn
    jobs_queue: Arn
    provider_secrets: Sequence[Arn]
    region: str
    customer_key: Arn | None


def dispatcher_policy(reach: Reach, log_group: Arn) -> pulumi.Output[str]:
    """Return the dispatcher's policy as JSON; the queue's mapping receives in its name."""
    receive = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ]
    heard = allow("HearMessages", receive, [reach.jobs_queue])
    return policy_of([*_working(reach), heard, own_log(log_group)])


def collector_policy(reach: Reach, log_group: Arn) -> pulumi.Output[str]:
    """Return the collector's policy as JSON."""
    return policy_of([*_working(reach), own_log(log_group)])


def _working(reach: Reach) -> list[Statement]:
    return [
        allow("ReadAndWriteAnswers", [*READ, *WRITE], [reach.cache]),
        *_money(reach.ledger),
        in_partitions(
            allow("MoveJobs", [*READ, *WRITE, DELETE, QUERY, CHECK], [reach.jobs]),
            JOB_PARTITIONS,
            CONTENT_PARTITIONS,
            WAITING_PARTITIONS,
            OPEN_BATCHES_PARTITION,
            PAST_BATCHES_PARTITION,
            LANES_PARTITION,
            *CALLER_BATCH_PARTITIONS,
            OPEN_CALLER_BATCHES_PARTITION,
            *FILE_PARTITIONS,
        ),
        *files_in(reach.batches, ["*"], sid="KeepFiles"),
        allow("WakeDispatcher", SEND, [reach.jobs_queue]),
        *provider_keys(reach.provider_secrets),
        *under_key(reach.customer_key, reach.region, has_files=True),
    ]


def _money(ledger: Arn) -> list[Statement]:
    """Allow to hold and to settle, as the router, and to settle a hold line by line.

    Neither can mint a key nor change a cap.
    """
    read = allow("ReadKeysAndBudgets", READ, [ledger])
    return [
        in_partitions(read, KEY_PARTITIONS, *BUDGET_PARTITIONS, HOLD_PARTITIONS),
        in_partitions(allow("WriteUsage", [PUT, UPDATE, CHECK], [ledger]), USAGE_PARTITIONS),
        in_partitions(allow("KeepRollups", [UPDATE], [ledger]), ROLLUP_PARTITIONS),
        in_partitions(allow("Hold", [PUT, UPDATE, DELETE], [ledger]), HOLD_PARTITIONS),
        in_partitions(allow("MoveMoney", WRITE, [ledger]), *BUDGET_PARTITIONS),
    ]
