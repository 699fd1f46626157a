"""Provider keys are read late, kept for a while and shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.adapters.provider_keys import SecretsManagerKeys
from shared.domain.errors import StoreUnavailable


class Secrets:
    def __init__(self, value: str = "sk-1\n", error: str | None = None) -> None:
        self.value, self.error, self.reads = value, error, 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        self.reads += 1
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "GetSecretValue")
        return {"SecretString": self.value}


def keys_of(secrets: Secrets, time: list[float]) -> tuple[SecretsManagerKeys, list[Any]]:
    reports: list[Any] = []
    keys = SecretsManagerKeys(
        secrets, {"openai": "arn"}, lambda: time[0], lambda *facts: reports.append(facts)
    )
    return keys, reports


def test_a_key_is_read_once_in_five_minutes() -> None:
    secrets, time = Secrets(), [0.0]
    keys, _ = keys_of(secrets, time)
    assert [keys.key_of("openai") for _ in range(3)] == ["sk-1"] * 3
    assert secrets.reads == 1
    secrets.value, time[0] = "sk-2", 300.0
    assert keys.key_of("openai") == "sk-2"


@pytest.mark.parametrize("secrets", [Secrets(error="AccessDeniedException"), Secrets(" ")])
def test_a_key_that_cannot_be_had_closes_the_gateway(secrets: Secrets) -> None:
    keys, reports = keys_of(secrets, [0.0])
    with pytest.raises(StoreUnavailable, match="API key of openai"):
        keys.key_of("openai")
    assert reports == ([("get_secret_value", "AccessDeniedException")] if secrets.error else [])
