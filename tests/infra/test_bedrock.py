"""Bedrock as a stack setting: no secret, a few exact grants, and only when it is asked for."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from infra.grants import router
from local.aws.policies import Ask, judge
from shared import catalog
from shared.settings import router_settings
from tests.infra.bare import ENVIRONMENTS, Stack, declared, run_with

ACCOUNT = "123456789012"
MODELS = sorted(catalog.load(["bedrock"]).models)
PROFILES = [f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{model}" for model in MODELS]
SIDS = {"InvokeProfiles", "InvokeHere", "InvokeAnywhere"}


@functools.cache
def stack(*providers: str) -> Stack:
    return run_with("dev", providers=list(providers))


def granted(sid: str) -> dict[str, Any]:
    return stack("openai", "bedrock").statements[sid]


def test_enabling_bedrock_declares_no_secret() -> None:
    made = stack("openai", "bedrock")
    assert set(made.outputs["provider_secrets"]) == {"openai"}
    names = {secret["name"] for secret in made.all("aws:secretsmanager/secret:Secret")}
    assert names == {"sluice/dev/providers/openai"}


def test_the_router_is_told_of_every_enabled_provider_and_of_the_secrets_there_are() -> None:
    variables = stack("openai", "bedrock").function["environment"]["variables"]
    settings = router_settings(variables)
    assert settings.providers == ("openai", "bedrock")
    assert set(settings.provider_secrets) == {"openai"}


def test_bedrock_alone_needs_no_grant_to_read_secrets() -> None:
    alone = stack("bedrock")
    assert "ReadProviderKeys" not in alone.statements
    assert all(statement["Resource"] for statement in alone.statements.values())
    variables = alone.function["environment"]["variables"]
    assert router_settings(variables).provider_secrets == {}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_of_bedrock_is_granted_unless_it_is_enabled(environment: str) -> None:
    policy = json.dumps(declared(environment).statements)
    assert "bedrock" not in policy


def test_exactly_the_catalogs_models_may_be_invoked() -> None:
    assert MODELS
    behind = [model.removeprefix("global.") for model in MODELS]
    assert granted("InvokeProfiles")["Resource"] == PROFILES
    assert granted("InvokeHere")["Resource"] == [
        f"arn:aws:bedrock:us-east-1::foundation-model/{model}" for model in behind
    ]
    assert granted("InvokeAnywhere")["Resource"] == [
        f"arn:aws:bedrock:::foundation-model/{model}" for model in behind
    ]
    for sid in SIDS:
        assert granted(sid)["Action"] == [
            "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream",
        ]  # fmt: skip
        assert "*" not in json.dumps(granted(sid))


def test_a_model_may_only_be_reached_through_its_profile() -> None:
    conditions = {
        sid: granted(sid)["Condition"]["StringEquals"] for sid in SIDS - {"InvokeProfiles"}
    }
    assert {sid: each["aws:RequestedRegion"] for sid, each in conditions.items()} == {
        "InvokeHere": "us-east-1",
        "InvokeAnywhere": "unspecified",
    }
    assert all(each["bedrock:InferenceProfileArn"] == PROFILES for each in conditions.values())


def test_every_grant_of_the_enabled_stack_is_known_to_the_rest_of_the_policy() -> None:
    statements = stack("openai", "bedrock").statements
    assert set(statements) - SIDS == set(declared("dev").statements)


def test_the_other_grants_still_judge_alike_beside_conditions_of_bedrock() -> None:
    statements = list(stack("openai", "bedrock").statements.values())
    cache = stack("openai", "bedrock").statements["ReadAndWriteAnswers"]["Resource"][0]
    policies = [{"Statement": statements}]
    assert judge(policies, Ask("dynamodb:GetItem", cache)).allowed
    assert judge(policies, Ask("bedrock:InvokeModel", PROFILES[0])).allowed
    assert not judge(policies, Ask("bedrock:InvokeModel", PROFILES[0] + "x")).allowed


def test_a_profile_of_another_kind_is_refused_rather_than_granted_wrongly() -> None:
    with pytest.raises(ValueError, match=r"us\.anthropic\.claude"):
        router._foundation_model("us.anthropic.claude-sonnet-5-5")
