"""The place for the webhooks: the guard's for people, and teams' own for the ends of batches."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.encryption import Encryption
from infra.settings import StackSettings
from shared.resources import webhooks_secret_name


def declare_webhooks(
    stack: StackSettings, encryption: Encryption | None
) -> aws.secretsmanager.Secret | None:
    """Declare the secret where webhooks are used; an operator puts the value, as for a key."""
    if not stack.webhooks:
        return None
    return aws.secretsmanager.Secret(
        "webhooks",
        name=webhooks_secret_name(stack.environment),
        description=f"Webhooks that Sluice in {stack.environment} tells; see docs/alarms.md.",
        recovery_window_in_days=30 if stack.deletion_protection else 0,
        kms_key_id=encryption and encryption.key.arn,
        tags=stack.tags,
        opts=pulumi.ResourceOptions(protect=stack.deletion_protection),
    )
