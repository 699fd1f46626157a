from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import DeployError, Deployment, UnknownResourceTypeError, deploy
from tests.infra.local_stack import LocalAws

PROGRAM = Path(__file__).parents[2] / "infra"


def test_the_declared_tables_really_exist(local_aws: LocalAws, dev: Deployment) -> None:
    dynamodb = local_aws.client("dynamodb")
    ledger = dynamodb.describe_table(TableName="sluice-dev-ledger")["Table"]
    assert [key["AttributeName"] for key in ledger["KeySchema"]] == ["pk", "sk"]
    assert ledger["DeletionProtectionEnabled"] is False
    ttl = dynamodb.describe_time_to_live(TableName=dev.outputs["cache_table"])
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "purge_at"
    backups = dynamodb.describe_continuous_backups(TableName="sluice-dev-ledger")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_function_really_exists_behind_its_alias(local_aws: LocalAws, dev: Deployment) -> None:
    client = local_aws.client("lambda")
    made = client.get_function_configuration(FunctionName="sluice-dev-router", Qualifier="live")
    declared = dev.one("aws:lambda/function:Function", "router")
    assert made["Environment"]["Variables"] == declared.inputs["environment"]["variables"]
    assert made["Timeout"] == 900
    assert made["MemorySize"] == 512
    assert made["Version"] == declared.outputs["version"] == "1"
    policy = client.get_policy(FunctionName="sluice-dev-router", Qualifier="live")["Policy"]
    assert json.loads(policy)["Statement"][0]["Principal"]["Service"] == "apigateway.amazonaws.com"


def test_the_api_really_exists_with_its_routes(local_aws: LocalAws, dev: Deployment) -> None:
    client = local_aws.client("apigateway")
    api = dev.outputs["rest_api_id"]
    resources = client.get_resources(restApiId=api)["items"]
    assert {item["path"] for item in resources} == {"/", "/{proxy+}"}
    assert all("ANY" in item["resourceMethods"] for item in resources)
    stage = client.get_stage(restApiId=api, stageName="live")
    assert (
        stage["deploymentId"]
        == dev.one("aws:apigateway/deployment:Deployment", "edge").outputs["id"]
    )
    refusal = client.get_gateway_response(restApiId=api, responseType="THROTTLED")
    assert refusal["statusCode"] == "429"


def test_secrets_are_created_empty(local_aws: LocalAws, dev: Deployment) -> None:
    client = local_aws.client("secretsmanager")
    arn = dev.outputs["provider_secrets"]["anthropic"]
    assert client.describe_secret(SecretId=arn)["Name"] == "sluice/dev/providers/anthropic"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId=arn)


def test_logs_are_kept_as_long_as_declared(local_aws: LocalAws, dev: Deployment) -> None:
    groups = local_aws.client("logs").describe_log_groups()["logGroups"]
    name = dev.one("aws:cloudwatch/logGroup:LogGroup", "router-log").outputs["name"]
    assert {g["logGroupName"]: g["retentionInDays"] for g in groups}[name] == 3


def test_what_is_not_reproduced_is_named(dev: Deployment) -> None:
    assert "aws:lambda/function:Function router: layers" in dev.ignored
    assert "aws:lambda/function:Function router: code" in dev.ignored
    assert not any("timeout" in line or "tags" in line for line in dev.ignored)


def test_an_unread_property_deep_down_is_named(local_aws: LocalAws) -> None:
    def declare_more(kind: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if kind == "aws:dynamodb/table:Table":
            inputs["ttl"] = {**inputs["ttl"], "novelty": 1}
        return renamed(inputs, "deep")

    deployment = local_aws.deploy("staging", transform=declare_more)
    assert "aws:dynamodb/table:Table cache: ttl.novelty" in deployment.ignored


def test_an_unknown_resource_type_fails_and_is_named(local_aws: LocalAws, tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text("import pulumi_aws as aws\naws.ecr.Repository('jobs')\n")
    with pytest.raises(UnknownResourceTypeError, match=r"'jobs'.*aws:ecr/repository:Repository"):
        deploy_file(local_aws, tmp_path, program)


def test_an_error_of_aws_names_the_resource(local_aws: LocalAws, dev: Deployment) -> None:
    assert dev.resources
    with pytest.raises(ClientError) as caught:
        local_aws.deploy("dev")
    assert "while creating" in "".join(caught.value.__notes__)


def test_a_stack_of_another_region_is_refused(local_aws: LocalAws, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="eu-west-1"):
        deploy_file(local_aws, tmp_path, PROGRAM, region="eu-west-1")


def deploy_file(
    local_aws: LocalAws, folder: Path, program: Path, region: str = "us-east-1"
) -> Deployment:
    stack_file = folder / "Pulumi.trial.yaml"
    stack_file.write_text(f"config:\n  aws:region: {region}\n")
    return asyncio.run(
        deploy(
            program,
            stack_file,
            project="sluice",
            aws_endpoint_url=local_aws.url,
            region="us-east-1",
        )
    )


def renamed(inputs: dict[str, Any], suffix: str) -> dict[str, Any]:
    return {**inputs, "name": f"{inputs['name']}-{suffix}"} if "name" in inputs else inputs
