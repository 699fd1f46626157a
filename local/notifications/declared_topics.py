"""What the program declares of topics: who may publish, which function lets SNS in. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.aws.policies import matches, service_may
from local.declared import Resource, of_type

CLOUDWATCH = "cloudwatch.amazonaws.com"
SNS = "sns.amazonaws.com"


@dataclass(frozen=True)
class Topic:
    """A topic; ``policy`` is None where SNS's own stands, which lets the account's alarms in."""

    arn: str
    policy: Mapping[str, Any] | None
    key: str | None
    key_policy: Mapping[str, Any] | None

    def refusal(self, alarm_arn: str) -> str | None:
        """Return why an alarm may not publish here, or None."""
        if self.policy is not None:
            verdict = service_may(self.policy, CLOUDWATCH, "sns:Publish", self.arn, alarm_arn)
            if not verdict.allowed:
                return f"the policy of {self.arn} keeps CloudWatch out: {verdict.reason}"
        return None if self.key is None else self._key_refusal(alarm_arn)

    def _key_refusal(self, alarm_arn: str) -> str | None:
        # The key that AWS manages for SNS has a policy without CloudWatch, and it stays so.
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            policy = self.key_policy
            if not policy or not service_may(policy, CLOUDWATCH, action, "*", alarm_arn).allowed:
                return f"the key {self.key} of {self.arn} does not let CloudWatch {action}"
        return None


@dataclass(frozen=True)
class Permission:
    """A statement that lets a service invoke a function."""

    function: str
    qualifier: str | None
    principal: str
    action: str
    source: str | None

    def lets_in(self, topic: str, function_arn: str) -> bool:
        """Tell whether SNS may invoke a function for a topic."""
        return (
            self.principal == SNS
            and self.action in {"lambda:InvokeFunction", "lambda:*"}
            and (self.source is None or matches(self.source, topic))
            and self._is_for(function_arn)
        )

    def _is_for(self, arn: str) -> bool:
        parts = arn.split(":")
        name, qualifier = parts[6], parts[7] if len(parts) > 7 else None
        own = self.function.split(":")
        own_name = own[6] if len(own) > 6 else own[0]
        return own_name == name and self.qualifier == qualifier


def topics(resources: Iterable[Resource]) -> dict[str, Topic]:
    """Return every declared topic by its ARN."""
    known = list(resources)
    policies = {
        str(each.inputs["arn"]): json.loads(each.inputs["policy"])
        for each in of_type(known, "aws:sns/topicPolicy:TopicPolicy")
    }
    keys = _key_policies(known)
    return {arn: _topic(each, policies, keys) for arn, each in _by_arn(known)}


def _by_arn(resources: list[Resource]) -> list[tuple[str, Resource]]:
    return [(str(each.outputs["arn"]), each) for each in of_type(resources, "aws:sns/topic:Topic")]


def _topic(
    resource: Resource, policies: Mapping[str, Any], keys: Mapping[str, Mapping[str, Any]]
) -> Topic:
    arn, own = str(resource.outputs["arn"]), resource.inputs.get("policy")
    key = resource.inputs.get("kmsMasterKeyId")
    return Topic(
        arn=arn,
        policy=policies.get(arn) or (json.loads(own) if own else None),
        key=key,
        key_policy=keys.get(str(key)),
    )


def _key_policies(resources: list[Resource]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for key in of_type(resources, "aws:kms/key:Key"):
        policy = json.loads(key.inputs.get("policy") or '{"Statement": []}')
        found |= {str(key.outputs["arn"]): policy, str(key.outputs["id"]): policy}
    for alias in of_type(resources, "aws:kms/alias:Alias"):
        target = str(alias.inputs.get("targetKeyId"))
        if target in found:
            found |= {str(alias.outputs["name"]): found[target]}
    return found


def permissions(resources: Iterable[Resource]) -> list[Permission]:
    """Return who may invoke which function."""
    return [
        Permission(
            function=str(each.inputs["function"]),
            qualifier=each.inputs.get("qualifier"),
            principal=str(each.inputs["principal"]),
            action=str(each.inputs["action"]),
            source=each.inputs.get("sourceArn"),
        )
        for each in of_type(resources, "aws:lambda/permission:Permission")
    ]
