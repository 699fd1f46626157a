"""A budget of AWS's own for this stack's AWS bill, where ``aws_budget_usd`` asks for one.

A backstop: AWS Budgets sees what AWS charges, not what providers do, and a few times a day. It
goes by the tag ``environment``, which has to be activated once per account as a cost allocation
tag (Billing console) before it counts anything.
"""

from __future__ import annotations

import pulumi_aws as aws

from infra.settings import StackSettings
from infra.topics import Topics
from shared.resources import resource_name


def declare_aws_budget(stack: StackSettings, topics: Topics) -> None:
    """Declare the budget, which tells the alarm topic of 80 % and of what 100 % is forecast."""
    if stack.aws_budget_usd is None:
        return
    aws.budgets.Budget(
        "aws-bill",
        name=resource_name(stack.environment, "aws-bill"),
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=str(stack.aws_budget_usd),
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": [f"user:environment${stack.environment}"]}],
        notifications=[
            _notification(topics, "ACTUAL", 80),
            _notification(topics, "FORECASTED", 100),
        ],
        tags=stack.tags,
    )


def _notification(topics: Topics, kind: str, percent: int) -> dict[str, object]:
    return {
        "comparison_operator": "GREATER_THAN",
        "notification_type": kind,
        "threshold": percent,
        "threshold_type": "PERCENTAGE",
        "subscriber_sns_topic_arns": [topics.alarms.arn],
    }
