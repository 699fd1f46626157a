"""Provider keys of the local world: invented ones for the simulator, real ones only on request.

A key reaches the router only through its declared secret, as on AWS. No child process gets one
in its environment.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from shared.catalog import provider_key_variables

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def simulator_keys(providers: Iterable[str]) -> dict[str, str]:
    """Return a fresh invented key for each provider."""
    return {provider: f"sk-simulator-{secrets.token_urlsafe(18)}" for provider in providers}


def real_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of catalog providers found in an environment, by provider."""
    return {
        provider: environment[variable]
        for provider, variable in provider_key_variables().items()
        if environment.get(variable)
    }


def fill_secrets(
    client: SecretsManagerClient, secret_arns: Mapping[str, str], keys: Mapping[str, str]
) -> None:
    """Put each key into its provider's declared secret, as an operator does after `pulumi up`.

    A secret without a key stays empty: a call to that provider fails as it would on AWS.
    """
    for provider in secret_arns.keys() & keys.keys():
        client.put_secret_value(SecretId=secret_arns[provider], SecretString=keys[provider])
