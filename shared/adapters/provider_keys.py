"""Providers' API keys, read from Secrets Manager when first needed and kept for a while.

A key stands in no environment variable, no log and no error text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.aws_json import Json, JsonClient, Service, Timeouts, access
from shared.clock import Clock
from shared.domain.errors import StoreUnavailable

_SECRETS_MANAGER: Final = Service("secretsmanager", target="secretsmanager", version="1.1")

_KEPT_SECONDS: Final = 300
"""A rotated key is picked up within five minutes, at one paid read per instance and provider."""


class ProviderKeys(Protocol):
    """Where the egress client gets keys from."""

    def key_of(self, provider: str) -> str:
        """Return a provider's API key; raises ``StoreUnavailable``."""


class SecretsClient(JsonClient):
    """The one call of the router."""

    def get_secret_value(self, **request: Any) -> Json:
        """Read a secret."""
        return self.call("GetSecretValue", request)


def connect(timeouts: Timeouts) -> SecretsClient:
    """Return a client for the function's own region and role."""
    return SecretsClient(_SECRETS_MANAGER, access(_SECRETS_MANAGER), timeouts)


class SecretsManagerKeys:
    """Implements :class:`ProviderKeys` over the secrets that ``infra`` declares."""

    def __init__(
        self,
        client: Any,
        arns: Mapping[str, str],
        clock: Clock,
        report: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._arns = arns
        self._clock = clock
        self._report = report
        self._kept: dict[str, tuple[float, str]] = {}

    def key_of(self, provider: str) -> str:
        """Return the key, read anew every five minutes."""
        now = self._clock()
        until, key = self._kept.get(provider, (0.0, ""))
        if now >= until:
            key = self._read(provider)
            self._kept[provider] = (now + _KEPT_SECONDS, key)
        return key

    def _read(self, provider: str) -> str:
        try:
            found = self._client.get_secret_value(SecretId=self._arns[provider])
        except (ClientError, BotoCoreError) as error:
            code = (
                error.response["Error"]["Code"]
                if isinstance(error, ClientError)
                else type(error).__name__
            )
            self._report("get_secret_value", code)
            raise StoreUnavailable(f"API key of {provider}") from error
        key: str = found.get("SecretString", "").strip()
        if not key or not key.isascii():
            raise StoreUnavailable(f"API key of {provider}")
        return key
