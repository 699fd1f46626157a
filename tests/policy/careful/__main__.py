"""What the gateway does not declare yet, declared as the rules want it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

TAGS = {"project": "sluice", "environment": pulumi.get_stack()}
TIMEOUT_SECONDS = 60
WINDOW_SECONDS = 20


def named(role: str) -> str:
    return f"sluice-{pulumi.get_stack()}-{role}"


dead = aws.sqs.Queue("dead", name=named("dead"), tags=TAGS)
queue = aws.sqs.Queue(
    "jobs",
    name=named("jobs"),
    visibility_timeout_seconds=6 * TIMEOUT_SECONDS + WINDOW_SECONDS,
    redrive_policy=pulumi.Output.json_dumps(
        {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5}
    ),
    tags=TAGS,
)
aws.cloudwatch.LogGroup(
    "worker", name=f"/aws/lambda/{named('worker')}", retention_in_days=14, tags=TAGS
)
worker = aws.lambda_.Function(
    "worker",
    name=named("worker"),
    role="arn:aws:iam::123456789012:role/sluice-dev-worker",
    runtime="python3.13",
    handler="x.y",
    code=pulumi.FileArchive("worker.zip"),
    timeout=TIMEOUT_SECONDS,
    tags=TAGS,
)
aws.lambda_.EventSourceMapping(
    "jobs",
    event_source_arn=queue.arn,
    function_name=worker.arn,
    maximum_batching_window_in_seconds=WINDOW_SECONDS,
    tags=TAGS,
)
bucket = aws.s3.Bucket("files", bucket=named("files"), tags=TAGS)
aws.s3.BucketPublicAccessBlock(
    "files",
    bucket=bucket.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
