"""Creates AWS Budgets: kept, and never compared with a bill, because here there is none."""

from __future__ import annotations

from typing import Any

from local.aws import ACCOUNT
from local.deploy.creation import Created, Creation

_NOTICE = {
    "comparisonOperator": "ComparisonOperator",
    "notificationType": "NotificationType",
    "threshold": "Threshold",
    "thresholdType": "ThresholdType",
}
_LISTENERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}


def budget(creation: Creation) -> Created:
    """``aws:budgets/budget:Budget``."""
    name, inputs = creation.physical_name(), creation.inputs
    creation.aws.budgets.create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": name,
            "BudgetType": inputs["budgetType"],
            "TimeUnit": inputs["timeUnit"],
            "BudgetLimit": {
                "Amount": str(inputs["limitAmount"]),
                "Unit": inputs["limitUnit"],
            },
        },
        NotificationsWithSubscribers=[_notice(each) for each in inputs.get("notifications", [])],
    )
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{name}"
    return Created(f"{ACCOUNT}:{name}", {"name": name, "arn": arn})


def _notice(declared: dict[str, Any]) -> Any:
    return {
        "Notification": {api: declared[key] for key, api in _NOTICE.items() if key in declared},
        "Subscribers": [
            {"SubscriptionType": kind, "Address": address}
            for key, kind in _LISTENERS.items()
            for address in declared.get(key) or []
        ],
    }


CREATORS = {"aws:budgets/budget:Budget": budget}
