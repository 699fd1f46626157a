"""The two topics between an alarm and a person.

    alarms ── alarm topic ── budget guard ──┬── people topic ── e-mail
                                            └── webhooks

An alarm goes to the guard, which says what it means and what to do. Alarms about the guard
itself go to people at once: who cannot speak cannot say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.settings import StackSettings
from shared.resources import resource_name


@dataclass(frozen=True)
class Topics:
    """Where alarms go, and where people listen."""

    alarms: aws.sns.Topic
    people: aws.sns.Topic


def declare_topics(stack: StackSettings) -> Topics:
    """Declare both, who may publish to them, and the e-mail addresses that listen."""
    topics = Topics(_topic(stack, "alarms"), _topic(stack, "people"))
    by_budgets = _publishes("AwsBudgetsPublish", "budgets.amazonaws.com", topics.alarms, {})
    _policy("alarms", topics.alarms, [_by_alarms(stack, topics.alarms), by_budgets])
    _policy("people", topics.people, [_by_alarms(stack, topics.people)])
    for number, address in enumerate(stack.alarm_emails, start=1):
        aws.sns.TopicSubscription(
            f"people-{number}", topic=topics.people.arn, protocol="email", endpoint=address
        )
    return topics


def _topic(stack: StackSettings, role: str) -> aws.sns.Topic:
    return aws.sns.Topic(role, name=resource_name(stack.environment, role), tags=stack.tags)


def _policy(role: str, topic: aws.sns.Topic, statements: Sequence[dict[str, Any]]) -> None:
    # It takes the place of SNS's own policy, which lets every principal of the account in; those
    # whom IAM allows, as the guard, need no statement here.
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    aws.sns.TopicPolicy(role, arn=topic.arn, policy=pulumi.Output.json_dumps(policy))


def _by_alarms(stack: StackSettings, topic: aws.sns.Topic) -> dict[str, Any]:
    prefix = resource_name(stack.environment, "*")
    alarms = pulumi.Output.concat(
        f"arn:aws:cloudwatch:{stack.region}:", topic.arn.apply(_account_of), f":alarm:{prefix}"
    )
    likes = {"ArnLike": {"aws:SourceArn": alarms}}
    return _publishes("AlarmsPublish", "cloudwatch.amazonaws.com", topic, likes)


def _publishes(
    sid: str, service: str, topic: aws.sns.Topic, condition: dict[str, Any]
) -> dict[str, Any]:
    account = {"StringEquals": {"aws:SourceAccount": topic.arn.apply(_account_of)}}
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": topic.arn,
        "Condition": {**account, **condition},
    }


def _account_of(arn: str) -> str:
    return arn.split(":")[4]
