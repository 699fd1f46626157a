from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from tests.infra.bare import ENVIRONMENTS, declared

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def test_the_role_is_granted_no_wildcard_action_and_no_bare_wildcard_resource() -> None:
    for statement in declared("prod").statements.values():
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        assert all(resource.startswith("arn:aws:") for resource in statement["Resource"])


@every_environment
def test_no_role_may_put_metrics_which_come_from_log_lines(environment: str) -> None:
    stack = declared(environment)
    policies = [json.loads(each["policy"]) for each in stack.all(ROLE_POLICY)]
    assert len(policies) >= 4
    granted = [
        action for each in policies for statement in each["Statement"]
        for action in statement["Action"]
    ]  # fmt: skip
    assert not [each for each in granted if fnmatch("cloudwatch:PutMetricData", each)]
    attached = [kind for kind, _ in stack.declared if "olicyAttachment" in kind]
    assert attached == [], "what another policy grants is not looked at"


def test_the_ledger_is_granted_by_partition_only() -> None:
    statements = declared("prod").statements
    budgets = ["*/budget", "-/budget/*"]
    granted = {
        "ReadKeysAndBudgets": (["BatchGetItem", "GetItem"], ["*/keys", *budgets]),
        "WriteUsage": (["PutItem", "ConditionCheckItem"], ["*/usage/*"]),
        "AddUsageUp": (["Query"], ["*/usage/*", "*/feedback/*", "*/rollups"]),
        "KeepRollups": (["UpdateItem"], ["*/rollups"]),
        "KeepFeedback": (["PutItem"], ["*/feedback/*"]),
        "Hold": (["PutItem", "DeleteItem"], ["*/holds"]),
        "MoveMoney": (["PutItem", "UpdateItem"], budgets),
    }
    for name, (actions, partitions) in granted.items():
        assert statements[name]["Action"] == [f"dynamodb:{action}" for action in actions]
        leading = {"dynamodb:LeadingKeys": partitions}
        assert statements[name]["Condition"] == {"ForAllValues:StringLike": leading}


def test_secrets_are_read_by_exact_arn() -> None:
    stack = declared("prod")
    granted = stack.statements["ReadProviderKeys"]["Resource"]
    assert sorted(granted) == sorted(stack.outputs["provider_secrets"].values())


@every_environment
def test_no_secret_value_is_declared_anywhere(environment: str) -> None:
    stack = declared(environment)
    types = {kind for kind, _ in stack.declared}
    assert "aws:secretsmanager/secretVersion:SecretVersion" not in types
    secrets = stack.all("aws:secretsmanager/secret:Secret")
    allowed = {"name", "description", "tags", "recoveryWindowInDays", "kmsKeyId"}
    assert all(set(secret) <= allowed for secret in secrets)


def test_a_secret_is_declared_per_enabled_provider_and_no_more() -> None:
    names = {secret["name"] for secret in declared("dev").all("aws:secretsmanager/secret:Secret")}
    assert names == {f"sluice/dev/providers/{name}" for name in ("openai", "anthropic")}
    assert set(declared("prod").outputs["provider_secrets"]) == {"openai", "xai"}
