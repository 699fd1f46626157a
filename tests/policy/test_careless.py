"""The careless twin: each of its faults is found, and by the rule that is meant for it."""

from __future__ import annotations

import pytest

from tests.policy.judging import RULES, Finding, broken_rules
from tests.policy.twin import STACK, TWIN

OURS = {
    Finding("no-wildcard-action", "aws:iam/rolePolicy:RolePolicy generous"),
    Finding("no-wildcard-action", "aws:iam/rolePolicy:RolePolicy lavish"),
    Finding("scoped-resources", "aws:iam/rolePolicy:RolePolicy generous"),
    Finding("no-open-door", "aws:iam/role:Role open"),
    Finding("shut-bucket", "aws:s3/bucket:Bucket public"),
    Finding("restorable-table", "aws:dynamodb/table:Table unsaved"),
    Finding("one-key", "aws:dynamodb/table:Table unsaved"),
    Finding("one-key", "aws:secretsmanager/secret:Secret uncovered"),
    Finding("one-key", "aws:cloudwatch/logGroup:LogGroup endless"),
    Finding("log-retention", "aws:cloudwatch/logGroup:LogGroup endless"),
    Finding("timeout", "aws:lambda/function:Function worker"),
    Finding("declared-log", "aws:lambda/function:Function worker"),
    Finding("named-source", "aws:lambda/permission:Permission anybody"),
    Finding("dead-letters", "aws:sqs/queue:Queue lossy"),
    Finding("visibility", "aws:sqs/queue:Queue lossy"),
    Finding("alarm-action", "aws:cloudwatch/metricAlarm:MetricAlarm mute"),
    Finding("alarm-runbook", "aws:cloudwatch/metricAlarm:MetricAlarm mute"),
    Finding("alarm-silence", "aws:cloudwatch/metricAlarm:MetricAlarm mute"),
    Finding("named", "aws:sns/topic:Topic anonymous"),
    Finding("tagged", "aws:sns/topic:Topic anonymous"),
}


@pytest.fixture(scope="module")
def found() -> set[Finding]:
    return broken_rules(TWIN, STACK)


def test_our_rules_find_its_faults_and_blame_nothing_else(found: set[Finding]) -> None:
    assert found == OURS


def test_every_rule_of_ours_finds_something_in_it() -> None:
    assert {finding.rule for finding in OURS} == {rule.name for rule in RULES}


def test_the_rules_for_what_is_not_declared_yet_can_be_kept() -> None:
    assert broken_rules(TWIN.with_name("careful"), STACK) == set()


# The same faults seen by other eyes, and some that we have no rule for. Of IAM policies in
# terraform_json checkov 3.3 judges only `*` on `*`: the finer grants are ours to judge.
CHECKOVS = [
    ("CKV_AWS_62", "aws_iam_role_policy.generous", "everything on everything"),
    ("CKV_AWS_60", "aws_iam_role.open", "a role that anybody may put on"),
    ("CKV_AWS_20", "aws_s3_bucket.public", "a bucket that the world reads"),
    ("CKV2_AWS_6", "aws_s3_bucket.public", "a bucket without a public access block"),
    ("CKV_AWS_28", "aws_dynamodb_table.unsaved", "a table that cannot be restored"),
    ("CKV_AWS_119", "aws_dynamodb_table.unsaved", "a table under a key of AWS's"),
    ("CKV_AWS_7", "aws_kms_key.still", "a key that never rotates"),
    ("CKV_AWS_149", "aws_secretsmanager_secret.uncovered", "a secret under a key of AWS's"),
    ("CKV_AWS_66", "aws_cloudwatch_log_group.endless", "a log that is kept for ever"),
    ("CKV_AWS_276", "aws_api_gateway_method_settings.talkative", "a log of prompts and keys"),
    ("CKV_AWS_364", "aws_lambda_permission.anybody", "a function that any account may call"),
]


@pytest.mark.parametrize(("check", "resource", "fault"), CHECKOVS)
def test_checkov_finds_its_faults_too(
    check: str, resource: str, fault: str, checkov: dict[str, set[Finding]]
) -> None:
    assert Finding(check, resource) in checkov["careless"], fault
