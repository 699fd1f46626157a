"""Creates SNS topics, their policies, and who listens to them.

Functions and e-mail addresses may listen. Queues, web addresses and telephones may not: nothing
here delivers to them, and a subscription that nobody serves would lose messages in silence.
"""

from __future__ import annotations

import json

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list
from local.deploy.errors import DeployError

DELIVERED = ("lambda", "email", "email-json")


def topic(creation: Creation) -> Created:
    """``aws:sns/topic:Topic``."""
    name, inputs = creation.physical_name(), creation.inputs
    attributes = inputs.chosen({"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId"})
    if policy := inputs.get("policy"):
        attributes["Policy"] = _checked(policy)
    made = creation.aws.sns.create_topic(
        Name=name, Attributes=attributes, Tags=as_tag_list(inputs.get("tags"))
    )
    arn = made["TopicArn"]
    return Created(arn, {"name": name, "arn": arn})


def topic_policy(creation: Creation) -> Created:
    """``aws:sns/topicPolicy:TopicPolicy``."""
    arn = creation.inputs["arn"]
    creation.aws.sns.set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=_checked(creation.inputs["policy"])
    )
    return Created(arn)


def subscription(creation: Creation) -> Created:
    """``aws:sns/topicSubscription:TopicSubscription``; it counts as confirmed at once."""
    protocol = creation.inputs["protocol"]
    if protocol not in DELIVERED:
        raise DeployError(f"nothing here delivers to {protocol}, only to {', '.join(DELIVERED)}")
    made = creation.aws.sns.subscribe(
        TopicArn=creation.inputs["topic"],
        Protocol=protocol,
        Endpoint=creation.inputs["endpoint"],
        ReturnSubscriptionArn=True,
    )
    arn = made["SubscriptionArn"]
    return Created(arn, {"arn": arn})


def _checked(policy: str) -> str:
    if not isinstance(json.loads(policy).get("Statement"), list):
        raise DeployError("a topic's policy has no list of statements")
    return policy


CREATORS = {
    "aws:sns/topic:Topic": topic,
    "aws:sns/topicPolicy:TopicPolicy": topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": subscription,
}
