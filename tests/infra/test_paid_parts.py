"""What a stack has only where its settings ask for it, and what outlives it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.access_log import FIELDS
from infra.firewall import COUNTED
from tests.infra.bare import Kept, declared, run_with

TABLE = "aws:dynamodb/table:Table"
SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 -- a type, not a secret
LOG = "aws:cloudwatch/logGroup:LogGroup"
KEY = ("aws:kms/key:Key", "data-key")
ACL = ("aws:wafv2/webAcl:WebAcl", "edge")
PAID = {"customer_key": True, "access_logs": True, "waf_requests_per_ip": 1000}


@pytest.mark.parametrize(
    "kind",
    [
        "aws:kms/key:Key",
        "aws:wafv2/webAcl:WebAcl",
        "aws:cloudwatch/dashboard:Dashboard",
    ],
)
def test_dev_has_nothing_dear_that_costs_while_nobody_calls(kind: str) -> None:
    assert declared("dev").all(kind) == []
    assert "snapStart" not in declared("dev").function


def test_one_key_encrypts_every_table_secret_and_log() -> None:
    stack = run_with("dev", **PAID)
    arn = "arn:aws:mock:us-east-1:123456789012:data-key"
    for table in stack.all(TABLE):
        assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": arn}
    assert {each["kmsKeyId"] for each in [*stack.all(SECRET), *stack.all(LOG)]} == {arn}
    assert stack.declared[KEY]["enableKeyRotation"] is True


def test_the_key_lets_cloudwatch_logs_encrypt_this_stack_s_groups_only() -> None:
    policy = json.loads(
        run_with("dev", **PAID).one("aws:kms/keyPolicy:KeyPolicy", "data-key")["policy"]
    )
    account, logs = policy["Statement"]
    assert account["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    groups = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert groups == [
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/sluice-dev-*",
        "arn:aws:logs:us-east-1:123456789012:log-group:/sluice/dev/*",
    ]


def test_every_log_group_has_a_name_that_the_key_s_policy_covers() -> None:
    for group in run_with("dev", **PAID).all(LOG):
        assert group["name"].startswith(("/aws/lambda/sluice-dev-", "/sluice/dev/"))


def test_log_groups_wait_for_the_key_s_policy() -> None:
    names = list(run_with("dev", **PAID).declared)
    policy = names.index(("aws:kms/keyPolicy:KeyPolicy", "data-key"))
    assert all(policy < names.index((LOG, group)) for group in ("router-log", "access-log"))


def test_the_router_may_decrypt_in_the_course_of_reading_and_nothing_else() -> None:
    granted = run_with("dev", **PAID).statements["ReadEncrypted"]
    assert granted["Action"] == ["kms:Decrypt"]
    assert granted["Resource"] == ["arn:aws:mock:us-east-1:123456789012:data-key"]
    services = ["dynamodb.us-east-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"]
    assert granted["Condition"] == {"StringEquals": {"kms:ViaService": services}}
    assert "ReadEncrypted" not in declared("dev").statements


def test_the_access_log_holds_nothing_that_a_caller_wrote() -> None:
    stack = run_with("dev", access_logs=True)
    settings = stack.one("aws:apigateway/stage:Stage", "edge")["accessLogSettings"]
    fields = json.loads(settings["format"])
    assert fields == FIELDS
    written_by_callers = (
        "authorize", "body", "domain", "header", "identity.apiKey", "identity.user", "overrid",
        "params", "path", "querystring", "requestOverride", "stageVariables",
    )  # fmt: skip
    assert not [v for v in fields.values() if any(word in v for word in written_by_callers)]
    assert stack.one(LOG, "access-log")["retentionInDays"] == 3


def test_without_access_logs_the_stage_writes_none() -> None:
    assert "accessLogSettings" not in declared("dev").one("aws:apigateway/stage:Stage", "edge")
    assert (LOG, "access-log") not in declared("dev").declared


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_gateway_s_execution_log_which_would_hold_prompts_is_off(environment: str) -> None:
    method = declared(environment).one("aws:apigateway/methodSettings:MethodSettings", "throttle")
    assert method["settings"]["loggingLevel"] == "OFF"
    assert method["settings"]["dataTraceEnabled"] is False


def test_the_firewall_limits_each_address_and_stands_before_the_stage() -> None:
    stack = run_with("dev", **PAID)
    rules = {rule["name"]: rule for rule in stack.declared[ACL]["rules"]}
    rate = rules["rate"]["statement"]["rateBasedStatement"]
    assert rate == {"aggregateKeyType": "IP", "limit": 1000, "evaluationWindowSec": 300}
    assert rules["rate"]["action"] == {"block": {}}
    link = stack.one("aws:wafv2/webAclAssociation:WebAclAssociation", "edge")
    assert link["resourceArn"] == "arn:aws:mock:us-east-1:123456789012:edge"


def test_the_firewall_s_rules_on_bodies_count_and_block_no_prompt() -> None:
    rules: list[dict[str, Any]] = run_with("dev", **PAID).declared[ACL]["rules"]
    (core,) = [rule for rule in rules if rule["name"] == "core"]
    group = core["statement"]["managedRuleGroupStatement"]
    assert (group["vendorName"], group["name"]) == ("AWS", "AWSManagedRulesCommonRuleSet")
    counted = {o["name"] for o in group["ruleActionOverrides"] if o["actionToUse"] == {"count": {}}}
    # Every rule of the core group whose name says that it reads the body.
    assert counted == set(COUNTED)
    assert counted == {
        "SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY",
        "GenericRFI_BODY", "EC2MetaDataSSRF_BODY",
    }  # fmt: skip


def test_the_firewall_keeps_no_samples_of_requests_and_their_keys() -> None:
    acl = run_with("dev", **PAID).declared[ACL]
    views = [acl["visibilityConfig"], *(rule["visibilityConfig"] for rule in acl["rules"])]
    assert not any(view["sampledRequestsEnabled"] for view in views)


def test_snap_start_comes_with_the_adapter_that_survives_it() -> None:
    function = run_with("dev", snap_start=True).function
    assert function["snapStart"] == {"applyOn": "PublishedVersions"}
    (layer,) = function["layers"]
    assert layer.endswith(":LambdaAdapterLayerArm64:30")


@pytest.mark.parametrize(
    ("resource", "prod"),
    [
        ((TABLE, "ledger"), Kept(protected=True, retained=True)),
        ((TABLE, "cache"), Kept(protected=False, retained=False)),
        (KEY, Kept(protected=True, retained=True)),
        ((SECRET, "openai-key"), Kept(protected=True, retained=False)),
        (("aws:apigateway/restApi:RestApi", "edge"), Kept(protected=True, retained=False)),
    ],
)
def test_prod_protects_what_cannot_be_made_again_and_dev_nothing(
    resource: tuple[str, str], prod: Kept
) -> None:
    assert declared("prod").kept[resource] == prod
    assert run_with("dev", **PAID).kept[resource] == Kept(protected=False, retained=False)
