"""What a role needs leave for at queues, buckets, topics, schedules, functions and metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.infra.conftest import aws_of_its_own
from tests.infra.local_stack import LocalAws
from tests.infra.test_local_iam import DENIED, Session, denials

ACCOUNT = "us-east-1:123456789012"
BUCKET, QUEUE = "files", "jobs"
ROLE = "arn:aws:iam::123456789012:role/worker"
GRANTS: Mapping[str, tuple[list[str], str]] = {
    "queue": (
        [
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ],
        f"arn:aws:sqs:{ACCOUNT}:{QUEUE}",
    ),
    "objects": (
        ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
        f"arn:aws:s3:::{BUCKET}/in/*",
    ),
    "trash": (["s3:DeleteObject"], f"arn:aws:s3:::{BUCKET}/in/trash/*"),
    "topic": (["sns:Publish"], f"arn:aws:sns:{ACCOUNT}:told"),
    "function": (["lambda:InvokeFunction"], f"arn:aws:lambda:{ACCOUNT}:function:fn:live"),
    "schedule": (["scheduler:GetSchedule"], f"arn:aws:scheduler:{ACCOUNT}:schedule/times/daily"),
    "metrics": (["cloudwatch:GetMetricData"], "*"),
    "alarms": (["cloudwatch:DescribeAlarms"], f"arn:aws:cloudwatch:{ACCOUNT}:alarm:ours-*"),
}
CONDITIONAL = [
    {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{BUCKET}",
        "Condition": {"StringLike": {"s3:prefix": "in/*"}},
    },
    {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "Sluice"}},
    },
]

Ask = Callable[[Session, str], Any]
"""Takes the role's clients and the queue's URL."""


def send(session: Session, url: str) -> Any:
    return session["sqs"].send_message(QueueUrl=url, MessageBody="x")


def send_both(session: Session, url: str) -> Any:
    entries = [{"Id": each, "MessageBody": each} for each in "ab"]
    return session["sqs"].send_message_batch(QueueUrl=url, Entries=entries)


def take(session: Session, url: str) -> Any:
    send(session, url)
    [message] = session["sqs"].receive_message(QueueUrl=url)["Messages"]
    receipt = {"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}
    session["sqs"].change_message_visibility_batch(
        QueueUrl=url, Entries=[{**receipt, "VisibilityTimeout": 5}]
    )
    session["sqs"].change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=5
    )
    return session["sqs"].delete_message_batch(QueueUrl=url, Entries=[receipt])


def put(key: str) -> Ask:
    return lambda s, _: s["s3"].put_object(Bucket=BUCKET, Key=key, Body=b"x")


def upload(session: Session, _url: str) -> Any:
    s3, place = session["s3"], {"Bucket": BUCKET, "Key": "in/large"}
    for finish in (True, False):
        begun = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
        part = s3.upload_part(**begun, PartNumber=1, Body=b"x")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        if finish:
            s3.complete_multipart_upload(**begun, MultipartUpload=parts)
    return s3.abort_multipart_upload(**begun)


def deleting(*keys: str) -> Ask:
    objects = {"Objects": [{"Key": key} for key in keys]}
    return lambda s, _: s["s3"].delete_objects(Bucket=BUCKET, Delete=objects)


def copying(source: str, target: str) -> Ask:
    return lambda s, _: s["s3"].copy_object(
        Bucket=BUCKET, Key=target, CopySource={"Bucket": BUCKET, "Key": source}
    )


def metric(namespace: str) -> Ask:
    data = [{"MetricName": "m", "Value": 1}]
    return lambda s, _: s["cloudwatch"].put_metric_data(Namespace=namespace, MetricData=data)


def dry_run(**function: str) -> Ask:
    return lambda s, _: s["lambda"].invoke(InvocationType="DryRun", **function)


ALLOWED: Mapping[str, Ask] = {
    "a message may be sent": send,
    "several messages may be sent": send_both,
    "a message may be taken, held and deleted": take,
    "the queue may be asked for": lambda s, _: s["sqs"].get_queue_url(QueueName=QUEUE),
    "the queue may be looked at": lambda s, url: s["sqs"].get_queue_attributes(
        QueueUrl=url, AttributeNames=["All"]
    ),
    "an object may be written": put("in/a"),
    "an object may be read": lambda s, _: s["s3"].get_object(Bucket=BUCKET, Key="in/there"),
    "an object may be looked at": lambda s, _: s["s3"].head_object(Bucket=BUCKET, Key="in/there"),
    "an object may be written in parts": upload,
    "an object may be copied": copying("in/there", "in/copy"),
    "objects may be listed under a prefix": lambda s, _: s["s3"].list_objects_v2(
        Bucket=BUCKET, Prefix="in/x"
    ),
    "trash may be deleted": deleting("in/trash/a", "in/trash/b"),
    "a topic may be told": lambda s, _: s["sns"].publish(
        TopicArn=f"arn:aws:sns:{ACCOUNT}:told", Message="x"
    ),
    "the live alias may be invoked": dry_run(FunctionName="fn", Qualifier="live"),
    "the live alias may be invoked by its ARN": dry_run(
        FunctionName=f"arn:aws:lambda:{ACCOUNT}:function:fn:live"
    ),
    "the schedule may be read": lambda s, _: s["scheduler"].get_schedule(
        Name="daily", GroupName="times"
    ),
    "a metric of ours may be put": metric("Sluice"),
    "metrics may be read": lambda s, _: s["cloudwatch"].get_metric_data(
        MetricDataQueries=[], StartTime=0, EndTime=60
    ),
    "our alarms may be read": lambda s, _: s["cloudwatch"].describe_alarms(AlarmNames=["ours-1"]),
}
REFUSED: Mapping[str, Ask] = {
    "another queue may not be written": lambda s, url: send(s, url + "-dead"),
    "another queue may not be written in a batch": lambda s, url: send_both(s, url + "-dead"),
    "the queue may not be emptied": lambda s, url: s["sqs"].purge_queue(QueueUrl=url),
    "queues may not be listed": lambda s, _: s["sqs"].list_queues(),
    "no object may be written elsewhere": put("out/a"),
    "no object may be tagged": lambda s, _: s["s3"].put_object(
        Bucket=BUCKET, Key="in/a", Body=b"x", Tagging="a=b"
    ),
    "an object may not be deleted": lambda s, _: s["s3"].delete_object(
        Bucket=BUCKET, Key="in/there"
    ),
    "one bad object spoils a deletion": deleting("in/trash/a", "in/there"),
    "nothing may be copied in from elsewhere": copying("out/secret", "in/copy"),
    "nothing may be copied out": copying("in/there", "out/copy"),
    "the whole bucket may not be listed": lambda s, _: s["s3"].list_objects_v2(Bucket=BUCKET),
    "buckets may not be listed": lambda s, _: s["s3"].list_buckets(),
    "the bucket may not be opened to the public": lambda s, _: s["s3"].delete_public_access_block(
        Bucket=BUCKET
    ),
    "another topic may not be told": lambda s, _: s["sns"].publish(
        TopicArn=f"arn:aws:sns:{ACCOUNT}:others", Message="x"
    ),
    "the function itself may not be invoked": dry_run(FunctionName="fn"),
    "the function may not be changed": lambda s, _: s["lambda"].delete_function(FunctionName="fn"),
    "the schedule may not be deleted": lambda s, _: s["scheduler"].delete_schedule(
        Name="daily", GroupName="times"
    ),
    "a metric of others may not be put": metric("Others"),
    "other alarms may not be read": lambda s, _: s["cloudwatch"].describe_alarms(),
}


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    with aws_of_its_own() as aws:
        yield aws


@pytest.fixture(scope="module")
def url(local_aws: LocalAws) -> str:
    """Make everything that the role is asked about, and return the queue's URL."""
    sqs = local_aws.client("sqs")
    sqs.create_queue(QueueName=QUEUE + "-dead")
    local_aws.client("s3").create_bucket(Bucket=BUCKET)
    for key in ("in/there", "out/secret"):
        local_aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for topic in ("told", "others"):
        local_aws.client("sns").create_topic(Name=topic)
    _function(local_aws)
    scheduler = local_aws.client("scheduler")
    scheduler.create_schedule_group(Name="times")
    scheduler.create_schedule(
        Name="daily",
        GroupName="times",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:sqs:{ACCOUNT}:{QUEUE}",
            "RoleArn": "arn:aws:iam::123456789012:role/x",
        },
    )
    return str(sqs.create_queue(QueueName=QUEUE)["QueueUrl"])


def _function(local_aws: LocalAws) -> None:
    local_aws.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")
    client = local_aws.client("lambda")
    client.create_function(
        FunctionName="fn",
        Runtime="python3.13",
        Role=ROLE,
        Handler="a.b",
        Code={"ZipFile": b"x"},
        Publish=True,
    )
    client.create_alias(FunctionName="fn", Name="live", FunctionVersion="1")


@pytest.fixture(scope="module")
def worker(local_aws: LocalAws, url: str) -> Session:
    assert url
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": resource}
        for actions, resource in GRANTS.values()
    ]
    document = {"Version": "2012-10-17", "Statement": [*statements, *CONDITIONAL]}
    local_aws.client("iam").put_role_policy(
        RoleName="worker", PolicyName="worker", PolicyDocument=json.dumps(document)
    )
    return Session(local_aws, local_aws.as_role(ROLE))


@pytest.mark.parametrize("fact", ALLOWED)
def test_the_worker_may(fact: str, worker: Session, url: str) -> None:
    assert ALLOWED[fact](worker, url)["ResponseMetadata"]["HTTPStatusCode"] < 300


@pytest.mark.parametrize("fact", REFUSED)
def test_the_worker_may_not(fact: str, worker: Session, url: str, local_aws: LocalAws) -> None:
    before = len(denials(local_aws))
    with pytest.raises(ClientError) as caught:
        REFUSED[fact](worker, url)
    assert caught.value.response["Error"]["Code"] in DENIED
    assert len(denials(local_aws)) == before + 1
