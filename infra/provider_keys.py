"""One secret per enabled provider that has a key: the place for its API key, never the key.

An operator puts the value (``aws secretsmanager put-secret-value``), so no key passes through
the program, its state or its previews. (The module is not called ``secrets``: this folder leads
``sys.path`` while Pulumi runs it, and the standard library's module of that name would vanish.)
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.encryption import Encryption
from infra.settings import StackSettings
from shared.catalog import providers_with_keys
from shared.resources import secret_name

ProviderKeys = dict[str, pulumi.Output[str]]
"""Maps an enabled provider with a key to the ARN of the secret that holds its API key."""


def declare_provider_keys(stack: StackSettings, encryption: Encryption | None) -> ProviderKeys:
    """Declare the secrets ($0.40 a month each, so only for enabled providers)."""
    with_keys = providers_with_keys()
    return {
        provider: _secret(stack, provider, encryption).arn
        for provider in stack.providers
        if provider in with_keys
    }


def _secret(
    stack: StackSettings, provider: str, encryption: Encryption | None
) -> aws.secretsmanager.Secret:
    return aws.secretsmanager.Secret(
        f"{provider}-key",
        name=secret_name(stack.environment, provider),
        description=f"API key of {provider} for Sluice in {stack.environment}.",
        # A name stays taken for the whole window: 0 lets a dev stack be rebuilt at once.
        recovery_window_in_days=30 if stack.deletion_protection else 0,
        kms_key_id=encryption and encryption.key.arn,
        tags=stack.tags,
        # The operator's value would go with it.
        opts=pulumi.ResourceOptions(protect=stack.deletion_protection),
    )
