"""How the budget guard is woken, what it may touch, and who may publish to its topics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.settings import ConfigError
from shared.settings import guard_settings
from tests.infra.bare import ENVIRONMENTS, Stack, declared, run_with

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def policy(stack: Stack, name: str) -> dict[str, dict[str, Any]]:
    document = json.loads(stack.one(ROLE_POLICY, name)["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


@every_environment
def test_the_guard_reads_its_settings_back_from_the_declared_environment(environment: str) -> None:
    stack = declared(environment)
    function = stack.one("aws:lambda/function:Function", "budget-guard")
    settings = guard_settings(function["environment"]["variables"])
    assert settings.environment == environment
    assert settings.ledger_table == stack.outputs["ledger_table"]
    assert settings.people_topic == stack.outputs["people_topic"]
    assert (settings.webhook_secret is None) == (environment == "dev")
    assert settings.budgets.environment.day_usd is not None
    assert settings.clock_file is None
    assert function["handler"] == "functions.budget_guard.handler.handle"
    assert function["name"] == stack.outputs["guard_function"]


def test_the_guard_is_declared_like_any_plain_function_with_its_own_log_and_role() -> None:
    stack = declared("prod")
    function = stack.one("aws:lambda/function:Function", "budget-guard")
    assert (function["runtime"], function["architectures"]) == ("python3.13", ["arm64"])
    assert "layers" not in function
    assert (function["timeout"], function["memorySize"]) == (300, 256)
    log = stack.one("aws:cloudwatch/logGroup:LogGroup", "budget-guard-log")
    assert log["name"] == "/aws/lambda/sluice-prod-budget-guard"
    assert log["kmsKeyId"].endswith(":data-key")


def test_alarms_and_the_clock_wake_it_and_nobody_else() -> None:
    stack = declared("dev")
    [heard] = [
        each
        for each in stack.all("aws:sns/topicSubscription:TopicSubscription")
        if each["protocol"] == "lambda"
    ]
    assert heard["topic"] == stack.outputs["alarm_topic"]
    permission = stack.one("aws:lambda/permission:Permission", "alarms-start-guard")
    assert permission["principal"] == "sns.amazonaws.com"
    assert permission["sourceArn"] == stack.outputs["alarm_topic"]
    schedules = [
        inputs
        for (kind, name), inputs in stack.declared.items()
        if kind == "aws:scheduler/schedule:Schedule" and name.startswith("budget-guard")
    ]
    runs = {
        json.loads(each["target"]["input"])["run"]: each["scheduleExpression"] for each in schedules
    }
    assert runs == {
        "check": "rate(5 minutes)",
        "audit": "cron(50 23 * * ? *)",
        "gap": "cron(20 0 * * ? *)",
    }
    assert all(each["flexibleTimeWindow"] == {"mode": "OFF"} for each in schedules)
    assert {each["scheduleExpressionTimezone"] for each in schedules} == {"UTC"}
    allowed = policy(stack, "budget-guard-clock")["Start"]
    assert allowed["Action"] == ["lambda:InvokeFunction"]
    assert allowed["Resource"] == [schedules[0]["target"]["arn"]]


@pytest.mark.parametrize(("minutes", "rate"), [(1, "rate(1 minute)"), (2, "rate(2 minutes)")])
def test_how_often_it_looks_is_a_setting(minutes: int, rate: str) -> None:
    stack = run_with("dev", guard_minutes=minutes)
    check = stack.one("aws:scheduler/schedule:Schedule", "budget-guard-check")
    assert check["scheduleExpression"] == rate


def test_it_can_neither_read_a_key_nor_change_a_cap_nor_see_an_answer() -> None:
    statements = policy(declared("prod"), "budget-guard-policy")
    ledger = [each for each in statements.values() if "dynamodb" in each["Action"][0]]
    partitions = {
        pattern
        for each in ledger
        for pattern in each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }
    assert partitions == {
        "teams", "*/budget", "-/budget/*", "*/holds", "*/usage/*", "*/rollups", "-/audit/*",
        "-/guard/*", "-/messages/*",
    }  # fmt: skip
    tables = {resource for each in ledger for resource in each["Resource"]}
    assert tables == {"arn:aws:mock:us-east-1:123456789012:sluice-prod-ledger"}
    audit = [e["Action"] for e in ledger if "-/audit/*" in str(e["Condition"])]
    assert audit == [["dynamodb:Query"]], "it reads what operators changed and writes none of it"
    assert statements["TellPeople"]["Resource"] == [declared("prod").outputs["people_topic"]]
    assert len(statements["ReadWebhooks"]["Resource"]) == 1
    wild = [sid for sid, each in statements.items() if "*" in each["Resource"]]
    assert wild == ["ReadMetrics"]
    assert statements["ReadMetrics"]["Action"] == [
        "cloudwatch:GetMetricStatistics", "cloudwatch:DescribeAlarms",
    ]  # fmt: skip


def test_without_webhooks_there_is_neither_secret_nor_leave_to_read_one() -> None:
    stack = run_with("dev", webhooks=False)
    assert ("aws:secretsmanager/secret:Secret", "webhooks") not in stack.declared
    assert "ReadWebhooks" not in policy(stack, "budget-guard-policy")


def test_only_alarms_of_this_stack_and_aws_budgets_publish_to_the_topics() -> None:
    stack = declared("prod")
    found = {}
    for role in ("alarms", "people"):
        document = json.loads(stack.one("aws:sns/topicPolicy:TopicPolicy", role)["policy"])
        for statement in document["Statement"]:
            assert statement["Action"] == "sns:Publish"
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
            found[role, statement["Principal"]["Service"]] = statement["Condition"].get("ArnLike")
    of_stack = {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:sluice-prod-*"}
    assert found == {
        ("alarms", "cloudwatch.amazonaws.com"): of_stack,
        ("alarms", "budgets.amazonaws.com"): None,
        ("people", "cloudwatch.amazonaws.com"): of_stack,
    }


def test_who_is_told_by_e_mail_is_a_setting_and_a_senseless_address_is_refused() -> None:
    stack = run_with("dev", alarm_emails=["on-call@example.com", "lead@example.com"])
    mails = [
        each["endpoint"]
        for each in stack.all("aws:sns/topicSubscription:TopicSubscription")
        if each["protocol"] == "email"
    ]
    assert sorted(mails) == ["lead@example.com", "on-call@example.com"]
    with pytest.raises(ConfigError, match="alarm_emails"):
        run_with("dev", alarm_emails=["nobody"])


def test_the_aws_bill_has_a_budget_only_where_it_is_asked_for_and_tells_the_guard() -> None:
    assert not declared("prod").all("aws:budgets/budget:Budget")
    stack = run_with("dev", aws_budget_usd=50)
    bill = stack.one("aws:budgets/budget:Budget", "aws-bill")
    assert (bill["limitAmount"], bill["timeUnit"]) == ("50", "MONTHLY")
    assert bill["costFilters"] == [{"name": "TagKeyValue", "values": ["user:environment$dev"]}]
    heard = {t for each in bill["notifications"] for t in each["subscriberSnsTopicArns"]}
    assert heard == {stack.outputs["alarm_topic"]}
