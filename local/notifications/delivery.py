"""Hands what topics published to functions and to the mailbox.

Source of the event's shape: AWS Lambda developer guide, "Invoking Lambda functions with Amazon
SNS notifications".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.aws import NOTIFICATIONS_PATH
from local.aws_pages import AwsPages
from local.notifications.declared_topics import Permission
from shared.clock import Clock, utc

KEPT_MAILS = 1000
NO_SIGNATURE = "bm90IHNpZ25lZCBsb2NhbGx5"


class InvokesFunctions(Protocol):
    """What runs the stack's functions."""

    async def invoke(self, arn: str, event: object, *, asynchronous: bool = False) -> object:
        """Invoke a function by its ARN; raises ``LookupError`` where none answers to it."""


@dataclass(frozen=True)
class Mail:
    """An e-mail that was not sent; ``at`` is the world's time in epoch seconds."""

    to: str
    topic: str
    subject: str | None
    body: str
    at: float

    def shown(self) -> dict[str, object]:
        """Return it as JSON shows it."""
        return {"kind": "email", **vars(self)}


@dataclass
class Delivery:
    """Delivers for the topics of one stack. For the event loop of the world alone."""

    aws: AwsPages
    topics: frozenset[str]
    permissions: Sequence[Permission]
    functions: InvokesFunctions
    clock: Clock
    report: Callable[[str], None]
    mailbox: deque[Mail] = field(default_factory=lambda: deque(maxlen=KEPT_MAILS))
    _seen: int = 0

    async def deliver(self) -> int:
        """Deliver everything published since the last time, and return how much that was."""
        notifications = await self.aws.ask(NOTIFICATIONS_PATH, after=self._seen)
        for notification in notifications:
            # Counted first: what fails is told and never delivered twice.
            self._seen = notification["number"]
            if notification["topic"] in self.topics:
                await self._deliver(notification)
        return len(notifications)

    async def _deliver(self, notification: Mapping[str, Any]) -> None:
        match notification["protocol"]:
            case "lambda":
                await self._invoke(notification)
            case "email" | "email-json":
                self.mailbox.append(_mail(notification, self.clock()))
            case other:
                self.report(f"{notification['topic']}: nothing here delivers to {other}")

    async def _invoke(self, notification: Mapping[str, Any]) -> None:
        topic, function = notification["topic"], notification["endpoint"]
        if not any(each.lets_in(topic, function) for each in self.permissions):
            self.report(f"{topic} may not invoke {function}: no permission lets SNS in")
            return
        try:
            event = sns_event(notification, self.clock())
            await self.functions.invoke(function, event, asynchronous=True)
        except (LookupError, ValueError) as error:
            self.report(f"{topic} could not invoke {function}: {error}")


def _mail(notification: Mapping[str, Any], now: float) -> Mail:
    return Mail(
        to=notification["endpoint"],
        topic=notification["topic"],
        subject=notification["subject"],
        body=notification["message"],
        at=now,
    )


def sns_event(notification: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return a notification as the event that a function receives."""
    moment = utc(now)
    attributes = notification["attributes"]
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": notification["subscription"],
                "Sns": {
                    "Type": "Notification",
                    "MessageId": notification["message_id"],
                    "TopicArn": notification["topic"],
                    "Subject": notification["subject"],
                    "Message": notification["message"],
                    "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
                    "SignatureVersion": "1",
                    "Signature": NO_SIGNATURE,
                    "SigningCertUrl": "https://sns.invalid/not-signed-locally.pem",
                    "UnsubscribeUrl": "https://sns.invalid/not-served-locally",
                    "MessageAttributes": {
                        name: {"Type": value["Type"], "Value": value["Value"]}
                        for name, value in attributes.items()
                    },
                },
            }
        ]
    }
