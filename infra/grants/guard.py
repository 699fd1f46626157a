"""What the budget guard may do."""

from __future__ import annotations

import pulumi

from infra.grants.statements import (
    CHECK,
    DELETE,
    PUT,
    QUERY,
    READ,
    SECRET,
    UPDATE,
    WRITE,
    Arn,
    Statement,
    allow,
    in_partitions,
    own_log,
    policy_of,
    under_key,
)
from shared.resources import (
    AUDIT_PARTITIONS,
    BUDGET_PARTITIONS,
    GUARD_PARTITIONS,
    HOLD_PARTITIONS,
    MESSAGE_PARTITIONS,
    ROLLUP_PARTITIONS,
    TEAMS_PARTITION,
    USAGE_PARTITIONS,
)


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
