"""The budget guard: told by alarms and by the clock, it tells people."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from infra.bundle.recipe import BUDGET_GUARD
from infra.clock import every, wake_by_the_clock
from infra.encryption import Encryption
from infra.grants.guard import guard_policy
from infra.plain_function import Size, declare_plain_function
from infra.settings import StackSettings
from infra.stores import Stores
from infra.topics import Topics
from shared.settings import GuardSettings

SIZE = Size(memory_mb=256, timeout_seconds=300)
"""An audit reads all usage rows of a day; a check takes a second."""

AUDIT = "cron(50 23 * * ? *)"
"""Every day at 23:50 UTC: when the next day has begun, its counters are gone."""
GAP = "cron(20 0 * * ? *)"
"""Every day at 00:20 UTC: the metrics of the day before have arrived."""
_RETRIES = {"maximum_event_age_in_seconds": 300, "maximum_retry_attempts": 2}


def declare_budget_guard(
    stack: StackSettings,
    stores: Stores,
    topics: Topics,
    secret: aws.secretsmanager.Secret | None,
    encryption: Encryption | None,
) -> aws.lambda_.Function:
    """Declare the guard, and what starts it; ``secret`` holds the webhooks where they are used."""
    function = declare_plain_function(
        stack,
        BUDGET_GUARD,
        settings=_settings(stack, stores, topics, secret),
        policy=lambda log: guard_policy(
            ledger=stores.ledger.arn,
            people_topic=topics.people.arn,
            webhook_secret=secret.arn if secret else None,
            region=stack.region,
            log_group=log,
            customer_key=encryption.key.arn if encryption else None,
        ),
        size=SIZE,
        encryption=encryption,
    )
    _hear_alarms(topics, function)
    wake_by_the_clock(
        stack,
        function,
        BUDGET_GUARD.role,
        {
            run: (when, json.dumps({"run": run}))
            for run, when in (
                ("check", every(stack.guard_minutes)),
                ("audit", AUDIT),
                ("gap", GAP),
            )
        },
        retries=_RETRIES,
    )
    return function


def _settings(
    stack: StackSettings,
    stores: Stores,
    topics: Topics,
    secret: aws.secretsmanager.Secret | None,
) -> pulumi.Output[GuardSettings]:
    known = {"ledger": stores.ledger.name, "people": topics.people.arn, "alarms": topics.alarms.arn}
    if secret is not None:
        known["webhooks"] = secret.arn
    settings: pulumi.Output[GuardSettings] = pulumi.Output.all(**known).apply(
        lambda names: GuardSettings(
            environment=stack.environment,
            ledger_table=names["ledger"],
            people_topic=names["people"],
            alarm_topic=names["alarms"],
            webhook_secret=names.get("webhooks"),
            webhook_hosts=stack.webhook_hosts,
            runbook=stack.runbook,
            budgets=stack.budgets,
        )
    )
    return settings


def _hear_alarms(topics: Topics, function: aws.lambda_.Function) -> None:
    aws.lambda_.Permission(
        "alarms-start-guard",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="sns.amazonaws.com",
        source_arn=topics.alarms.arn,
    )
    aws.sns.TopicSubscription(
        "guard", topic=topics.alarms.arn, protocol="lambda", endpoint=function.arn
    )
