"""Queues, mappings, schedules and buckets as the local AWS has them once they are declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import DeployError, Deployment
from tests.infra.conftest import aws_of_its_own
from tests.infra.local_stack import LocalAws
from tests.infra.test_local_deploy import deploy_file

HEAD = """
import json
import pulumi
import pulumi_aws as aws
role = aws.iam.Role("role", name="role", assume_role_policy="{}")
function = aws.lambda_.Function("fn", name="fn", handler="a.b", role=role.arn, timeout=30,
    runtime="python3.13", code=pulumi.FileArchive("."))
"""
PROGRAM = (
    HEAD
    + """
dead = aws.sqs.Queue("dead", name="dead", message_retention_seconds=1209600)
jobs = aws.sqs.Queue("jobs", name="jobs", visibility_timeout_seconds=240,
    max_message_size=1048576, sqs_managed_sse_enabled=True, delay_seconds=5, tags={"a": "b"},
    redrive_policy=pulumi.Output.json_dumps(
        {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 4}))
allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [jobs.arn]}
aws.sqs.RedriveAllowPolicy("dead", queue_url=dead.url,
    redrive_allow_policy=pulumi.Output.json_dumps(allowed))
plain = aws.sqs.Queue("plain")
aws.lambda_.EventSourceMapping("jobs", event_source_arn=jobs.arn, function_name=function.arn,
    batch_size=100, maximum_batching_window_in_seconds=10, tags={"a": "b"},
    function_response_types=["ReportBatchItemFailures"],
    scaling_config={"maximum_concurrency": 5})
group = aws.scheduler.ScheduleGroup("times", name="times")
aws.scheduler.Schedule("daily", name="daily", group_name=group.name,
    schedule_expression="cron(0 6 * * ? *)", schedule_expression_timezone="Europe/Berlin",
    flexible_time_window={"mode": "OFF"}, description="a day", state="ENABLED",
    target={"arn": function.arn, "role_arn": role.arn, "input": "{}",
            "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 600},
            "dead_letter_config": {"arn": dead.arn}})
aws.lambda_.FunctionEventInvokeConfig("fn", function_name=function.name, maximum_retry_attempts=1,
    maximum_event_age_in_seconds=3600, destination_config={"on_failure": {"destination": dead.arn}})
files = aws.s3.Bucket("files", bucket="sluice-trial-files", tags={"a": "b"})
aws.s3.BucketPublicAccessBlock("files", bucket=files.id, block_public_acls=True,
    block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True)
aws.s3.BucketServerSideEncryptionConfiguration("files", bucket=files.id, rules=[
    {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}])
aws.s3.BucketVersioning("files", bucket=files.id, versioning_configuration={"status": "Enabled"})
aws.s3.BucketOwnershipControls("files", bucket=files.id,
    rule={"object_ownership": "BucketOwnerEnforced"})
aws.s3.BucketPolicy("files", bucket=files.id, policy=files.arn.apply(lambda arn: json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
     "Action": "s3:*", "Resource": arn + "/*",
     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})))
aws.s3.BucketLifecycleConfiguration("files", bucket=files.id, rules=[
    {"id": "old", "status": "Enabled", "filter": {"prefix": "in/"}, "expiration": {"days": 30},
     "noncurrent_version_expiration": {"noncurrent_days": 1},
     "abort_incomplete_multipart_upload": {"days_after_initiation": 2}}])
"""
)


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    with aws_of_its_own() as aws:
        yield aws


@pytest.fixture(scope="module")
def trial(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return deployed(local_aws, tmp_path_factory.mktemp("trial"), PROGRAM)


def deployed(local_aws: LocalAws, folder: Path, text: str) -> Deployment:
    program = folder / "__main__.py"
    program.write_text(text)
    return deploy_file(local_aws, folder, program)


def test_a_queue_has_what_is_declared(local_aws: LocalAws, trial: Deployment) -> None:
    sqs = local_aws.client("sqs")
    declared = trial.one("aws:sqs/queue:Queue", "jobs").outputs
    attributes = sqs.get_queue_attributes(QueueUrl=declared["url"], AttributeNames=["All"])
    found = attributes["Attributes"]
    assert found["QueueArn"] == declared["arn"]
    assert (found["VisibilityTimeout"], found["DelaySeconds"]) == ("240", "5")
    assert (found["MaximumMessageSize"], found["SqsManagedSseEnabled"]) == ("1048576", "true")
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 4
    assert redrive["deadLetterTargetArn"].endswith(":dead")
    assert sqs.list_queue_tags(QueueUrl=declared["url"])["Tags"] == {"a": "b"}


def test_a_queue_without_a_size_takes_what_the_provider_says(
    local_aws: LocalAws, trial: Deployment
) -> None:
    sqs = local_aws.client("sqs")
    url = trial.one("aws:sqs/queue:Queue", "plain").outputs["url"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])
    assert found["Attributes"]["MaximumMessageSize"] == "262144"
    sqs.send_message(QueueUrl=url, MessageBody="é" * 131_072)
    with pytest.raises(ClientError, match="262144 bytes"):
        sqs.send_message(QueueUrl=url, MessageBody="é" * 131_073)


def test_a_mapping_is_registered_switched_off(local_aws: LocalAws, trial: Deployment) -> None:
    declared = trial.one("aws:lambda/eventSourceMapping:EventSourceMapping", "jobs").outputs
    made = local_aws.client("lambda").get_event_source_mapping(UUID=declared["uuid"])
    assert made["State"] == "Disabled", "moto would swallow the messages"
    assert made["FunctionArn"] == declared["functionArn"]
    assert (made["BatchSize"], made["MaximumBatchingWindowInSeconds"]) == (100, 10)


def test_a_schedule_has_what_is_declared(local_aws: LocalAws, trial: Deployment) -> None:
    made = local_aws.client("scheduler").get_schedule(Name="daily", GroupName="times")
    assert made["Arn"] == trial.one("aws:scheduler/schedule:Schedule", "daily").outputs["arn"]
    assert made["ScheduleExpressionTimezone"] == "Europe/Berlin"
    target = made["Target"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 3
    assert target["DeadLetterConfig"]["Arn"].endswith(":dead")


def test_a_function_has_its_asynchronous_policy(local_aws: LocalAws, trial: Deployment) -> None:
    assert trial.resources
    made = local_aws.client("lambda").get_function_event_invoke_config(FunctionName="fn")
    assert (made["MaximumRetryAttempts"], made["MaximumEventAgeInSeconds"]) == (1, 3600)
    assert made["DestinationConfig"]["OnFailure"]["Destination"].endswith(":dead")


def test_a_bucket_has_what_is_declared(local_aws: LocalAws, trial: Deployment) -> None:
    s3 = local_aws.client("s3")
    name = trial.one("aws:s3/bucket:Bucket", "files").outputs["bucket"]
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=name)["Policy"]
    [old] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (old["Expiration"]["Days"], old["Filter"]["Prefix"]) == (30, "in/")
    assert old["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2
    assert old["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1


def test_nothing_of_it_is_ignored(trial: Deployment) -> None:
    assert [line for line in trial.ignored if "lambda/function:Function" not in line] == []


@pytest.mark.parametrize(
    ("queue", "mapping", "named"),
    [
        ("", "batch_size=11", "window of at least a second"),
        ("", "batch_size=10001, maximum_batching_window_in_seconds=1", "10000"),
        ("", "maximum_batching_window_in_seconds=301", "300"),
        ("", "scaling_config={'maximum_concurrency': 1}", "2 to 1000"),
        ("visibility_timeout_seconds=29", "", "29 seconds is less than Function timeout: 30"),
    ],
)
def test_a_mapping_that_lambda_would_refuse_is_refused(
    tmp_path: Path, queue: str, mapping: str, named: str
) -> None:
    text = f"""{HEAD}
jobs = aws.sqs.Queue("jobs", name="jobs", {queue or "visibility_timeout_seconds=30"})
aws.lambda_.EventSourceMapping("jobs", event_source_arn=jobs.arn, function_name=function.arn,
    {mapping})
"""
    with aws_of_its_own() as aws, pytest.raises(DeployError, match=named) as caught:
        deployed(aws, tmp_path, text)
    assert "EventSourceMapping" in "".join(caught.value.__notes__)


def test_the_local_lambda_answers_dry_runs_and_nothing_else(
    local_aws: LocalAws, trial: Deployment
) -> None:
    assert trial.resources
    client = local_aws.client("lambda")
    dry: dict[str, Any] = client.invoke(FunctionName="fn", InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    with pytest.raises(ClientError, match="runs no functions"):
        client.invoke(FunctionName="fn", Payload=b"{}")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client.invoke(FunctionName="nobody", InvocationType="DryRun")
