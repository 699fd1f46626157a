from __future__ import annotations

import re

import pytest

from infra.settings import ConfigError, parse_settings
from local.deploy.stack_file import read_stack_file
from shared import catalog
from tests.infra.bare import ENVIRONMENTS, ROOT, run_with

NEEDED = {"baseline_model": "gpt-6-astra"}


def test_texts_become_typed_values() -> None:
    config = {**NEEDED, "memory_mb": "1024", "deletion_protection": "false", "throttle_rate": "0.5"}
    settings = parse_settings("dev", "eu-west-1", {**config, "providers": '["openai","xai"]'})
    assert settings.memory_mb == 1024
    assert settings.deletion_protection is False
    assert settings.throttle_rate == 0.5
    assert settings.providers == ("openai", "xai")
    assert settings.region == "eu-west-1"


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"memmory_mb": "512"}, "memmory_mb"),
        ({"memory_mb": "64"}, "memory_mb"),
        ({"log_retention_days": "2"}, "log_retention_days"),
        ({"log_level": "LOUD"}, "log_level"),
        ({"deletion_protection": "maybe"}, "deletion_protection"),
        ({"throttle_rate": "0"}, "throttle_rate"),
        ({"body_limit_bytes": "99999999"}, "body_limit_bytes"),
        ({"reserved_concurrency": "0"}, "reserved_concurrency"),
        ({"providers": "[]"}, "providers"),
        ({"providers": '["opneai"]'}, "opneai"),
        ({"providers": '["openai","openai"]'}, "providers"),
        ({"baseline_model": "gpt-4"}, "gpt-4"),
        ({"environment": "prod"}, "sluice:environment"),
        ({"canary_percent": "10"}, "canary_percent needs stable_version"),
        ({"canary_percent": "100", "stable_version": "1"}, "canary_percent"),
        ({"stable_version": "0"}, "stable_version"),
        ({"waf_requests_per_ip": "9"}, "waf_requests_per_ip"),
        ({"runbook_url": "http://wiki.example.com/runbook"}, "runbook_url"),
        ({"runbook_url": "https://wiki.example.com/runbook#top"}, "runbook_url"),
        ({"runbook_url": "https://wiki.example.com/run book"}, "runbook_url"),
        ({"runbook_url": "docs/runbook.md"}, "runbook_url"),
    ],
)
def test_senseless_configuration_is_refused_by_name(config: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        parse_settings("dev", "us-east-1", {**NEEDED, **config})


def test_a_baseline_must_be_chosen() -> None:
    with pytest.raises(ConfigError, match="baseline_model"):
        parse_settings("dev", "us-east-1", {})


def test_an_unknown_key_in_a_stack_file_stops_the_program() -> None:
    with pytest.raises(ConfigError, match="throtle_rate"):
        run_with("dev", throtle_rate=5)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stack_files_name_their_region(environment: str) -> None:
    file = read_stack_file(ROOT / f"Pulumi.{environment}.yaml", "sluice")
    assert file.config["aws:region"] == "us-east-1"


def test_the_policy_version_follows_the_files_that_decide_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {name: name.encode() for name in catalog.ANSWER_FILES}
    monkeypatch.setattr(catalog.files, "content", files.__getitem__)
    versions = [catalog.policy_version()]
    for name in catalog.ANSWER_FILES:
        files[name] += b"changed"
        versions.append(catalog.policy_version())
    assert len(set(versions)) == len(versions)
    assert all(re.fullmatch(r"[0-9a-f]{12}", version) for version in versions)
    assert set(catalog.ANSWER_FILES) == {
        "compiled_prices.json", "models.toml", "providers.toml", "routing.toml",
    }  # fmt: skip
