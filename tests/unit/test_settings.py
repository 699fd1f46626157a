"""Settings written by infra are read back the same, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from shared.settings import RouterSettings, SettingsError, as_environment, router_settings

COMPLETE = RouterSettings(
    environment="dev",
    cache_table="c",
    ledger_table="l",
    jobs_table="j",
    batches_bucket="b",
    jobs_queue="https://sqs.us-east-1.amazonaws.com/1/q",
    providers=("openai", "bedrock"),
    provider_secrets={"openai": "arn:aws:secretsmanager:us-east-1:1:secret:x"},
    policy_version="p",
    baseline_model="gpt-6-astra",
    body_limit_bytes=2_000_000,
)


def test_the_environment_says_what_the_settings_said() -> None:
    environment = as_environment(COMPLETE)
    assert all(name.startswith("SLUICE_") for name in environment)
    assert router_settings(environment | {"PATH": "/bin"}) == COMPLETE


@pytest.mark.parametrize("missing", ["environment", "cache_table", "providers", "provider_secrets"])
def test_a_missing_setting_is_named(missing: str) -> None:
    environment = as_environment(COMPLETE)
    del environment["SLUICE_" + missing.upper()]
    with pytest.raises(SettingsError, match=missing):
        router_settings(environment)


@pytest.mark.parametrize(
    "change",
    [
        {"SLUICE_ENVIRONMENT": "Dev_1"},
        {"SLUICE_BODY_LIMIT_BYTES": "lots"},
        {"SLUICE_BODY_LIMIT_BYTES": "99999999"},
        {"SLUICE_PROVIDER_SECRETS": "{"},
        {"SLUICE_PROVIDERS": "openai"},
        {"SLUICE_PROVIDERS": '["bedrock"]'},
        {"SLUICE_UPSTREAM_URL": "https://api.openai.com"},
        {"SLUICE_UPSTREAM_URL": "http://169.254.169.254"},
        {"SLUICE_UPSTREAM_URL": "http://127.0.0.1.evil.example"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        router_settings(as_environment(COMPLETE) | change)


def test_a_simulator_on_this_machine_may_stand_in() -> None:
    environment = as_environment(COMPLETE) | {"SLUICE_UPSTREAM_URL": "http://127.0.0.1:9"}
    assert router_settings(environment).upstream_url == "http://127.0.0.1:9"
