"""The local world creates what the paid settings declare, or says that it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.access_log import FIELDS
from local.deploy import DIFFERENCES, Deployment
from tests.infra.conftest import aws_of_its_own
from tests.infra.local_stack import LocalAws


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    with aws_of_its_own() as aws:
        yield aws


@pytest.fixture(scope="module")
def pinned(local_aws: LocalAws) -> Deployment:
    """Staging with a release under way."""

    def as_if_released(kind: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if kind == "aws:lambda/alias:Alias":
            weights = {"additionalVersionWeights": {"42": 0.1}}
            return {**inputs, "functionVersion": "41", "routingConfig": weights}
        return inputs

    return local_aws.deploy("staging", transform=as_if_released)


def test_the_key_encrypts_what_is_declared_with_it(local_aws: LocalAws, pinned: Deployment) -> None:
    arn = pinned.one("aws:kms/key:Key", "data-key").outputs["arn"]
    kms = local_aws.client("kms")
    assert kms.describe_key(KeyId="alias/sluice-staging-data")["KeyMetadata"]["Arn"] == arn
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == [
        "AccountAdministers",
        "LogsUse",
    ]
    table = local_aws.client("dynamodb").describe_table(TableName="sluice-staging-ledger")["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == arn
    secret = pinned.outputs["provider_secrets"]["openai"]
    assert local_aws.client("secretsmanager").describe_secret(SecretId=secret)["KmsKeyId"] == arn
    groups = local_aws.client("logs").describe_log_groups()["logGroups"]
    keys = {group["logGroupName"]: group.get("kmsKeyId") for group in groups}
    assert keys["/sluice/staging/access"] == keys["/aws/lambda/sluice-staging-router"] == arn


def test_the_stage_has_its_access_log_and_its_firewall(
    local_aws: LocalAws, pinned: Deployment
) -> None:
    api = pinned.outputs["rest_api_id"]
    stage = local_aws.client("apigateway").get_stage(restApiId=api, stageName="live")
    assert json.loads(stage["accessLogSettings"]["format"]) == FIELDS
    assert stage["methodSettings"]["*/*"]["loggingLevel"] == "OFF"
    acl = local_aws.client("wafv2").get_web_acl(
        Name="sluice-staging-edge",
        Scope="REGIONAL",
        Id=pinned.one("aws:wafv2/webAcl:WebAcl", "edge").outputs["id"],
    )["WebACL"]
    assert {rule["Name"] for rule in acl["Rules"]} == {"core", "rate"}
    assert stage["webAclArn"] == acl["ARN"]


def test_the_alarms_tell_the_topic(local_aws: LocalAws, pinned: Deployment) -> None:
    names = ["sluice-staging-newest-errors", "sluice-staging-edge-5xx"]
    alarms = local_aws.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == sorted(names)
    assert all(alarm["AlarmActions"] == [pinned.outputs["alarm_topic"]] for alarm in alarms)


def test_an_alias_that_names_versions_of_elsewhere_leads_to_the_one_that_is_here(
    local_aws: LocalAws, pinned: Deployment
) -> None:
    assert pinned.resources
    live = local_aws.client("lambda").get_alias(FunctionName="sluice-staging-router", Name="live")
    assert live["FunctionVersion"] == "1"
    assert any("live alias" in sentence for sentence in DIFFERENCES)


def test_what_is_left_out_is_named(pinned: Deployment) -> None:
    left_out = {line.partition(" ")[2] for line in pinned.ignored}
    assert "data-key: deletionWindowInDays" in left_out
    assert not [line for line in left_out if "accessLog" in line or "routingConfig" in line]
