"""From a value to whoever hears of it: alarms, topics, permissions, functions, the mailbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local import declared
from local.admin import Admin
from local.alarms.errors import AlarmError
from local.declared import DeclarationError
from local.deploy import DeployError, Deployment, deploy
from local.emf import Datum
from local.service_series import service_series
from local.signals import Signals, signals_of
from local.telemetry import Telemetry
from shared.clock import utc
from tests.infra.conftest import aws_of_its_own
from tests.infra.local_stack import REGION, LocalAws

NOON = 20_779 * 86_400.0 + 43_200

PROGRAM = """
import json
import pulumi, pulumi_aws as aws

topic = aws.sns.Topic("alarms", name="{prefix}-alarms")
people = aws.sns.Topic("people", name="{prefix}-people")
aws.sns.TopicPolicy("alarms", arn=topic.arn, policy=topic.arn.apply(lambda arn: json.dumps({{
    "Version": "2012-10-17",
    "Statement": [{{
        "Effect": "Allow", "Action": "sns:Publish", "Resource": arn,
        "Principal": {{"Service": "{service}"}},
        "Condition": {{
            "StringEquals": {{"aws:SourceAccount": arn.split(":")[4]}},
            "ArnLike": {{"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:*:alarm:{prefix}-*"}},
        }},
    }}],
}})))
role = aws.iam.Role("guard", name="{prefix}-guard", assume_role_policy="{{}}")
guard = aws.lambda_.Function(
    "guard", name="{prefix}-guard", role=role.arn, runtime="python3.13", handler="guard.handle",
    code=pulumi.FileArchive("."),
)
if {permitted}:
    aws.lambda_.Permission(
        "guard", function=guard.name, action="lambda:InvokeFunction",
        principal="sns.amazonaws.com", source_arn=topic.arn,
    )
aws.sns.TopicSubscription("guard", topic=topic.arn, protocol="lambda", endpoint=guard.arn)
aws.sns.TopicSubscription(
    "people", topic=people.arn, protocol="email", endpoint="on-call@example.com"
)
aws.cloudwatch.MetricAlarm(
    "busy", name="{prefix}-busy", alarm_description="Too busy. What to do: docs/runbook.md#busy",
    namespace="Sluice", metric_name="Requests", dimensions={{"environment": "trial"}},
    statistic="Sum", period=60, evaluation_periods=1, threshold=3,
    comparison_operator="GreaterThanOrEqualToThreshold", treat_missing_data="notBreaching",
    alarm_actions=[topic.arn, people.arn],
)
aws.cloudwatch.MetricAlarm(
    "guard-silent", name="{prefix}-guard-silent", namespace="AWS/Lambda",
    metric_name="Invocations", dimensions={{"FunctionName": guard.name}}, statistic="Sum",
    period=1800, evaluation_periods=1, threshold=1, comparison_operator="LessThanThreshold",
    treat_missing_data="breaching", alarm_actions=[people.arn],
)
{more}
"""


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    with aws_of_its_own() as aws:
        yield aws


@dataclass
class Invocations:
    """Functions that remember what they were invoked with."""

    events: list[tuple[str, Any]] = field(default_factory=list)

    async def invoke(self, arn: str, event: object, *, asynchronous: bool = False) -> object:
        assert asynchronous
        self.events.append((arn, event))
        return None


@dataclass
class Trial:
    """Signals of a small program, with a clock in the test's hands."""

    signals: Signals
    functions: Invocations
    deployment: Deployment
    now: float = NOON

    @property
    def problems(self) -> list[str]:
        return list(self.signals.telemetry.problems)

    def requests(self, count: int) -> None:
        for _ in range(count):
            dimensions = (("environment", "trial"),)
            datum = Datum("Sluice", "Requests", dimensions, "Count", 1.0, utc(self.now))
            self.signals.telemetry.count(datum)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        asyncio.run(self.signals.settle())


def trial(aws: LocalAws, folder: Path, prefix: str, **changes: str) -> Trial:
    facts = {"service": "cloudwatch.amazonaws.com", "permitted": "True", "more": "", **changes}
    (folder / "__main__.py").write_text(PROGRAM.format(prefix=prefix, **facts))
    (folder / "Pulumi.trial.yaml").write_text(f"config:\n  aws:region: {REGION}\n")
    deployment = asyncio.run(
        deploy(
            folder / "__main__.py",
            folder / "Pulumi.trial.yaml",
            project="sluice",
            aws_endpoint_url=aws.url,
            region=REGION,
        )
    )
    admin, functions = Admin(aws.url, REGION), Invocations()
    telemetry = Telemetry(folder, {}, admin.logs, admin.cloudwatch, lambda _: None)
    resources = deployment.resources
    series = service_series(resources, declared.plain_functions(resources), telemetry.count)
    made: list[Trial] = []
    signals = signals_of(
        resources,
        admin,
        lambda: made[0].now if made else NOON,
        telemetry,
        functions,
        series,
        lambda _: None,
    )
    made.append(Trial(signals, functions, deployment))
    made[0].advance(0)
    return made[0]


def test_an_alarm_reaches_a_function_and_a_person_once(local_aws: LocalAws, tmp_path: Path) -> None:
    run = trial(local_aws, tmp_path, "one")
    assert run.functions.events == []
    run.requests(3)
    run.advance(60)
    run.advance(1)
    [(arn, event)] = run.functions.events
    assert arn.endswith(":function:one-guard")
    [record] = event["Records"]
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    sns = record["Sns"]
    assert sns["TopicArn"] == run.deployment.one("aws:sns/topic:Topic", "alarms").outputs["arn"]
    assert sns["Subject"] == 'ALARM: "one-busy" in US East (N. Virginia)'
    assert sns["Timestamp"] == "2026-11-22T12:01:00.000Z"
    told = json.loads(sns["Message"])
    assert (told["OldStateValue"], told["NewStateValue"]) == ("OK", "ALARM")
    assert told["AlarmDescription"].endswith("docs/runbook.md#busy")
    assert told["StateChangeTime"] == "2026-11-22T12:01:00.000+0000"
    assert told["Trigger"]["Dimensions"] == [{"value": "trial", "name": "environment"}]
    assert (told["Trigger"]["Statistic"], told["Trigger"]["Threshold"]) == ("SUM", 3.0)
    mails = [mail for mail in run.signals.delivery.mailbox if "busy" in (mail.subject or "")]
    assert [mail.to for mail in mails] == ["on-call@example.com"]
    found = local_aws.client("cloudwatch").describe_alarms(AlarmNames=["one-busy"])
    assert found["MetricAlarms"][0]["StateValue"] == "ALARM"
    assert run.problems == []


def test_a_day_in_one_step_misses_no_crossing(local_aws: LocalAws, tmp_path: Path) -> None:
    run = trial(local_aws, tmp_path, "day")
    for _ in range(3):
        run.requests(3)
        run.now += 3 * 3600
    run.advance(15 * 3600)
    busy = [each for each in run.signals.history() if each["name"] == "day-busy"]
    assert [each["new"] for each in busy] == ["OK"] + ["ALARM", "OK"] * 3
    assert len(run.functions.events) == 3
    assert [str(each["at"])[11:16] for each in busy[1::2]] == ["12:01", "15:01", "18:01"]


def test_what_a_role_publishes_is_delivered_too(local_aws: LocalAws, tmp_path: Path) -> None:
    run = trial(local_aws, tmp_path, "role")
    people = run.deployment.one("aws:sns/topic:Topic", "people").outputs["arn"]
    before = len(run.signals.delivery.mailbox)
    local_aws.client("sns").publish(TopicArn=people, Subject="Budget", Message="80 % is spent")
    run.advance(1)
    mails = list(run.signals.delivery.mailbox)[before:]
    assert [(mail.subject, mail.body) for mail in mails] == [("Budget", "80 % is spent")]


def test_without_a_permission_the_function_is_not_invoked(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    run = trial(local_aws, tmp_path, "barred", permitted="False")
    run.requests(3)
    run.advance(60)
    assert run.functions.events == []
    assert "no permission lets SNS in" in run.problems[0]


def test_a_topic_policy_that_leaves_cloudwatch_out_is_heeded(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    run = trial(local_aws, tmp_path, "closed", service="budgets.amazonaws.com")
    run.requests(3)
    run.advance(60)
    assert run.functions.events == []
    assert "keeps CloudWatch out" in run.problems[0]


def alarm_on(namespace: str, metric: str, dimensions: str = "{}", **more: str) -> str:
    extra = "".join(f", {key}={value}" for key, value in more.items())
    return (
        f'aws.cloudwatch.MetricAlarm("strange", namespace="{namespace}", metric_name="{metric}",'
        f' dimensions={dimensions}, statistic="Sum", period=60, evaluation_periods=1, threshold=1,'
        f' comparison_operator="GreaterThanThreshold"{extra})'
    )


BOARD = """aws.cloudwatch.Dashboard("board", dashboard_name="board-{n}", dashboard_body=json.dumps(
{{"widgets": [{{"type": "metric", "properties": {{"metrics": {metrics}}}}}]}}))"""


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (alarm_on("AWS/DynamoDB", "SystemErrors"), "AWS/DynamoDB SystemErrors"),
        (alarm_on("AWS/Lambda", "Errors", "{'FunctionName': 'nobody'}"), "FunctionName=nobody"),
        (alarm_on("Sluice", "Nonsense", "{'environment': 'trial'}"), "Sluice Nonsense"),
        (alarm_on("Sluice", "Requests"), "which nothing here emits"),
        (
            BOARD.format(n=1, metrics='[["Sluice", "Nonsense", "environment", "trial"]]'),
            "widget 1 watches Sluice Nonsense",
        ),
        (
            BOARD.format(
                n=2,
                metrics='[["Sluice", "Requests", "environment", "a"], [".", "Lost", ".", "."]]',
            ),
            "Sluice Lost {environment=a}",
        ),
        (BOARD.format(n=3, metrics='[[{"expression": "SEARCH(1)"}]]'), "SEARCH"),
    ],
)
def test_what_nothing_here_emits_fails_the_start(
    local_aws: LocalAws, tmp_path: Path, more: str, named: str
) -> None:
    prefix = f"strange-{abs(hash(more)) % 10**6}"
    with pytest.raises(AlarmError) as caught:
        trial(local_aws, tmp_path, prefix, more=more)
    assert named in str(caught.value)


def test_an_action_that_leads_nowhere_fails_the_start(local_aws: LocalAws, tmp_path: Path) -> None:
    nowhere = '["arn:aws:sns:us-east-1:123456789012:elsewhere"]'
    dimensions = '{"environment": "trial"}'
    more = alarm_on("Sluice", "Requests", dimensions, ok_actions=nowhere)
    with pytest.raises(DeclarationError, match="elsewhere"):
        trial(local_aws, tmp_path, "nowhere", more=more)


@pytest.mark.parametrize("protocol", ["https", "sqs", "sms"])
def test_a_listener_that_nobody_serves_is_refused(
    local_aws: LocalAws, tmp_path: Path, protocol: str
) -> None:
    more = (
        f'aws.sns.TopicSubscription("lost", topic=topic.arn, protocol="{protocol}", endpoint="x")'
    )
    with pytest.raises(DeployError, match=protocol):
        trial(local_aws, tmp_path, f"lost-{protocol}", more=more)


def test_a_composite_a_dashboard_and_a_budget_are_created(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    more = """
aws.cloudwatch.CompositeAlarm("either", alarm_name="whole-either",
    alarm_rule='ALARM("whole-busy") OR ALARM("whole-guard-silent")', alarm_actions=[people.arn])
aws.cloudwatch.Dashboard("board", dashboard_name="whole", dashboard_body=guard.name.apply(
    lambda name: json.dumps({"widgets": [
        {"type": "text", "properties": {"markdown": "Hello"}},
        {"type": "metric", "properties": {"stat": "Sum", "metrics": [
            ["Sluice", "Requests", "environment", "trial", {"id": "m1", "label": "calls"}],
            ["...", {"stat": "p99"}],
            [{"expression": "m1 / 2", "id": "e1"}],
            ["AWS/Lambda", "Errors", "FunctionName", name],
        ]}},
    ]})))
aws.budgets.Budget("bill", name="whole", budget_type="COST", time_unit="MONTHLY",
    limit_amount="20", limit_unit="USD", notifications=[{"comparison_operator": "GREATER_THAN",
        "notification_type": "ACTUAL", "threshold": 80, "threshold_type": "PERCENTAGE",
        "subscriber_email_addresses": ["a@example.com"]}])
"""
    run = trial(local_aws, tmp_path, "whole", more=more)
    run.requests(3)
    run.advance(60)
    states = {each["name"]: each["state"] for each in run.signals.shown()}
    assert states["whole-either"] == states["whole-guard-silent"] == "ALARM"
    subjects = [mail.subject or "" for mail in run.signals.delivery.mailbox]
    assert any("whole-either" in subject for subject in subjects)
    budgets = local_aws.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"]
    assert "whole" in {budget["BudgetName"] for budget in budgets}
    board = local_aws.client("cloudwatch").get_dashboard(DashboardName="whole")
    assert "m1 / 2" in board["DashboardBody"]
    assert [line for line in run.deployment.ignored if "cloudwatch" in line] == []


def test_a_dead_letter_fires_and_clears(local_aws: LocalAws, tmp_path: Path) -> None:
    more = """
dead = aws.sqs.Queue("dead", name="dead-letters")
for number, metric in enumerate(("NumberOfMessagesVisible", "AgeOfOldestMessage")):
    aws.cloudwatch.MetricAlarm(
        f"dead-{number}", name=f"letters-dead-{number}", namespace="AWS/SQS",
        metric_name=f"Approximate{metric}", dimensions={"QueueName": dead.name},
        statistic="Maximum", period=60, evaluation_periods=1, threshold=0,
        comparison_operator="GreaterThanThreshold", treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
    )
"""
    run = trial(local_aws, tmp_path, "letters", more=more)
    queue = run.deployment.one("aws:sqs/queue:Queue", "dead").outputs["url"]
    sqs = local_aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="nobody could read this")

    def states() -> set[object]:
        run.advance(60)
        run.advance(60)
        return {each["state"] for each in run.signals.shown() if "dead" in str(each["name"])}

    assert states() == {"ALARM"}
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    run.advance(600)
    assert states() == {"OK"}
    assert run.problems == []
