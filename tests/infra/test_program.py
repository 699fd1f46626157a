from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra import edge, function_code
from infra.refusals import REFUSALS
from shared.catalog import policy_version
from shared.resources import CACHE_TABLE, LEDGER_TABLE
from shared.settings import router_settings
from tests.infra.bare import ENVIRONMENTS, ROOT, declared, run_with

TABLE = "aws:dynamodb/table:Table"
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


@every_environment
def test_the_program_runs_offline_and_exports_what_a_deployer_needs(environment: str) -> None:
    outputs = declared(environment).outputs
    assert set(outputs) == {
        "endpoint",
        "rest_api_id",
        "router_function",
        "router_version",
        "guard_function",
        "alarm_topic",
        "people_topic",
        "live_version",
        "cache_table",
        "ledger_table",
        "jobs_table",
        "batches_bucket",
        "jobs_queue",
        "jobs_dead_letters",
        "dispatcher_function",
        "collector_function",
        "provider_secrets",
        "environment",
        "region",
        "policy_version",
    }
    assert outputs["environment"] == environment
    assert outputs["router_function"] == f"sluice-{environment}-router"
    assert outputs["policy_version"] == policy_version()


@every_environment
def test_both_routes_stream_for_fifteen_minutes_through_the_live_alias(environment: str) -> None:
    integrations = declared(environment).all("aws:apigateway/integration:Integration")
    assert {i["resourceId"] for i in integrations} == {"root", "proxy-id"}
    alias = declared(environment).one("aws:lambda/alias:Alias", "router-live")
    assert alias["name"] == "live"
    assert alias["functionVersion"] == "7"
    for integration in integrations:
        assert integration["responseTransferMode"] == "STREAM"
        assert integration["timeoutMilliseconds"] == 900_000
        assert integration["type"] == "AWS_PROXY"
        assert integration["integrationHttpMethod"] == "POST"
        assert integration["uri"] == (
            "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/"
            "arn:aws:mock:us-east-1:123456789012:live/response-streaming-invocations"
        )


def test_every_method_and_path_reaches_the_router() -> None:
    stack = declared("dev")
    assert {m["httpMethod"] for m in stack.all("aws:apigateway/method:Method")} == {"ANY"}
    assert stack.one("aws:apigateway/resource:Resource", "proxy")["pathPart"] == "{proxy+}"
    api = stack.one("aws:apigateway/restApi:RestApi", "edge")
    assert api["binaryMediaTypes"] == ["*/*"]
    assert api["endpointConfiguration"] == {"types": "REGIONAL"}


def test_only_this_api_s_stage_may_invoke_the_alias() -> None:
    permission = declared("dev").one("aws:lambda/permission:Permission", "edge-invokes-router")
    assert permission["qualifier"] == "live"
    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["sourceArn"].endswith(":api/live/*/*")


def test_a_changed_route_changes_the_deployment_s_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    before = declared("dev").triggers
    assert run_with("dev").triggers == before
    monkeypatch.setattr(edge, "PATHS", {**edge.PATHS, "more": "more"})
    assert run_with("dev").triggers != before


def test_a_changed_integration_changes_the_deployment_s_trigger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "STREAMING", {**edge.STREAMING, "timeout_milliseconds": 60_000})
    assert run_with("dev").triggers != declared("dev").triggers


def test_a_changed_refusal_changes_the_deployment_s_trigger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "REFUSALS", REFUSALS[1:])
    assert run_with("dev").triggers != declared("dev").triggers


@every_environment
def test_the_stage_is_throttled_by_setting(environment: str) -> None:
    limits = declared(environment).one("aws:apigateway/methodSettings:MethodSettings", "throttle")
    expected = {"dev": (100, 200), "staging": (100, 200), "prod": (200, 400)}[environment]
    settings = limits["settings"]
    assert limits["methodPath"] == "*/*"
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == expected


def test_the_gateway_s_own_refusals_have_the_openai_error_shape() -> None:
    responses = declared("dev").all("aws:apigateway/response:Response")
    kinds = {response["responseType"] for response in responses}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "REQUEST_TOO_LARGE"} <= kinds
    for response in responses:
        body = json.loads(response["responseTemplates"]["application/json"])
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "code", "param"}
        assert body["error"]["param"] is None
        assert "$context.requestId" in body["error"]["message"]


def test_the_router_runs_behind_the_web_adapter() -> None:
    function = declared("dev").function
    assert function["runtime"] == "python3.13"
    assert function["architectures"] == ["arm64"]
    assert function["handler"] == "functions/router/run.sh"
    assert function["timeout"] == 900
    assert function["publish"] is True
    assert function["layers"] == [
        "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerArm64:26"
    ]
    adapter = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": "8080",
        "AWS_LWA_READINESS_CHECK_PATH": "/health",
        "AWS_LWA_PASS_THROUGH_PATH": "/lambda-events",
    }
    assert adapter.items() <= function["environment"]["variables"].items()


@every_environment
def test_the_router_reads_its_settings_back_from_the_declared_environment(
    environment: str,
) -> None:
    settings = router_settings(declared(environment).function["environment"]["variables"])
    outputs = declared(environment).outputs
    assert settings.cache_table == outputs["cache_table"]
    assert settings.ledger_table == outputs["ledger_table"]
    assert settings.provider_secrets == outputs["provider_secrets"]
    assert settings.policy_version == outputs["policy_version"]
    assert settings.upstream_url is None
    assert settings.clock_file is None


def test_concurrency_is_reserved_only_where_it_is_asked_for() -> None:
    assert "reservedConcurrentExecutions" not in declared("prod").function
    assert run_with("dev", reserved_concurrency=3).function["reservedConcurrentExecutions"] == 3


def test_a_bundle_that_is_not_built_has_no_hash(tmp_path: Path) -> None:
    bundle = tmp_path / "router.zip"
    assert function_code.bundle_hash(bundle) is None
    bundle.write_bytes(b"")
    assert function_code.bundle_hash(bundle) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    ("folder", "path"), [(".", "build/router.zip"), ("infra", "../build/router.zip")]
)
def test_the_bundle_is_found_from_where_pulumi_runs_the_program(
    folder: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / folder)
    assert run_with("dev").function["code"] == path


def test_the_log_group_exists_before_the_function_and_forgets() -> None:
    names = list(declared("dev").declared)
    log = ("aws:cloudwatch/logGroup:LogGroup", "router-log")
    assert names.index(log) < names.index(("aws:lambda/function:Function", "router"))
    group = declared("dev").one(*log)
    assert group["name"] == "/aws/lambda/sluice-dev-router"
    assert group["retentionInDays"] == 3


@pytest.mark.parametrize("shape", [CACHE_TABLE, LEDGER_TABLE])
def test_tables_have_the_shape_that_the_code_relies_on(shape: Any) -> None:
    table = declared("dev").one(TABLE, shape.role)
    assert table["name"] == shape.name("dev")
    assert (table["hashKey"], table["rangeKey"]) == (shape.partition_key, shape.sort_key)
    assert table["ttl"] == {"attributeName": shape.purge_attribute, "enabled": True}
    assert table["billingMode"] == "PAY_PER_REQUEST"


@every_environment
def test_the_ledger_is_backed_up_and_the_cache_is_not(environment: str) -> None:
    stack = declared(environment)
    assert stack.one(TABLE, "ledger")["pointInTimeRecovery"] == {"enabled": True}
    assert stack.one(TABLE, "cache")["pointInTimeRecovery"] == {"enabled": False}


@every_environment
def test_deletion_protection_of_the_ledger_is_a_setting(environment: str) -> None:
    ledger = declared(environment).one(TABLE, "ledger")
    assert ledger["deletionProtectionEnabled"] is (environment == "prod")
    assert declared(environment).one(TABLE, "cache")["deletionProtectionEnabled"] is False


def test_two_environments_share_no_physical_name() -> None:
    def names(environment: str) -> set[tuple[str, str]]:
        # The alias and the stage live inside a function and an API that carry the environment.
        contained = {"aws:lambda/alias:Alias"}
        return {
            (kind, inputs["name"])
            for (kind, _), inputs in declared(environment).declared.items()
            if "name" in inputs and kind not in contained
        }

    assert len(names("dev")) >= 8
    assert not names("dev") & names("prod")


@every_environment
def test_everything_taggable_says_whose_it_is(environment: str) -> None:
    tagged = [
        inputs["tags"] for inputs in declared(environment).declared.values() if "tags" in inputs
    ]
    assert len(tagged) >= 8
    ours = {"project": "sluice", "environment": environment}
    assert all(tags.items() >= ours.items() for tags in tagged)


def test_more_settings_than_lambda_takes_are_refused_before_anything_is_deployed() -> None:
    teams = {f"a-team-with-a-name-{number}": {"day_usd": "10"} for number in range(90)}
    with pytest.raises(ValueError, match="name fewer teams"):
        run_with("dev", budgets={"teams": teams})
