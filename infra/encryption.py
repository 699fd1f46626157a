"""A KMS key of the stack's own for tables, secrets and logs, where ``customer_key`` asks for it.

Without it all three are encrypted too, with keys that AWS owns. What one's own key adds is a
trail of each use and the power to shut everything out by disabling it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.settings import StackSettings
from shared.resources import PROJECT, resource_name

DELETION_WINDOW_DAYS = 30
"""KMS's longest: with the key goes everything that it encrypted, backups included."""

# What CloudWatch Logs needs (CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs
# using AWS KMS"), without the guide's wildcards: the key is symmetric and makes no key pairs.
_LOGS_MAY = [
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
]


@dataclass(frozen=True)
class Encryption:
    """The key, and the policy that has to stand before CloudWatch Logs accepts the key."""

    key: aws.kms.Key
    policy: aws.kms.KeyPolicy


def declare_encryption(stack: StackSettings) -> Encryption | None:
    """Declare the key with its name and its policy, or nothing."""
    if not stack.customer_key:
        return None
    key = _key(stack)
    name = f"alias/{resource_name(stack.environment, 'data')}"
    aws.kms.Alias("data-key", name=name, target_key_id=key.id)
    policy = aws.kms.KeyPolicy("data-key", key_id=key.id, policy=_policy(stack, key.arn))
    return Encryption(key, policy)


def key_arn(encryption: Encryption | None) -> pulumi.Output[str] | None:
    """Return the ARN to encrypt a log group with, once CloudWatch Logs may use the key."""
    if encryption is None:
        return None
    # The policy's id waits for the policy: a log group declared earlier would be refused.
    arns: pulumi.Output[str] = pulumi.Output.all(encryption.key.arn, encryption.policy.id).apply(
        lambda known: str(known[0])
    )
    return arns


def _key(stack: StackSettings) -> aws.kms.Key:
    return aws.kms.Key(
        "data-key",
        description=f"Data of Sluice in {stack.environment}: tables, secrets and logs.",
        enable_key_rotation=True,
        deletion_window_in_days=DELETION_WINDOW_DAYS,
        tags=stack.tags,
        # A retained ledger without its key is noise.
        opts=pulumi.ResourceOptions(
            protect=stack.deletion_protection, retain_on_delete=stack.retain_ledger
        ),
    )


def _policy(stack: StackSettings, arn: pulumi.Output[str]) -> pulumi.Output[str]:
    # The key's own ARN tells the account: asking AWS for it would need a connection in previews.
    account = arn.apply(lambda known: known.split(":")[4])
    statements = [_account_administers(account), _logs_use(stack, account)]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})


def _account_administers(account: pulumi.Output[str]) -> dict[str, Any]:
    # KMS's own default statement. Without it IAM policies, the router's too, count for nothing
    # and a lost principal leaves a key that nobody can ever administer.
    root = pulumi.Output.concat("arn:aws:iam::", account, ":root")
    return {
        "Sid": "AccountAdministers",
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "kms:*",
        "Resource": "*",
    }


def _logs_use(stack: StackSettings, account: pulumi.Output[str]) -> dict[str, Any]:
    groups = [
        pulumi.Output.concat(f"arn:aws:logs:{stack.region}:", account, f":log-group:{name}")
        for name in (
            f"/aws/lambda/{resource_name(stack.environment, '*')}",
            f"/{PROJECT}/{stack.environment}/*",
        )
    ]
    return {
        "Sid": "LogsUse",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{stack.region}.amazonaws.com"},
        "Action": _LOGS_MAY,
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    }
