"""A gateway built in a hurry: each resource has a fault, which a rule has to find.

The comments name the faults; tests/policy/test_careless.py names the rules.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

TAGS = {"project": "sluice", "environment": pulumi.get_stack()}


def named(role: str) -> str:
    return f"sluice-{pulumi.get_stack()}-{role}"


def document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def worn_by(principal: dict[str, str]) -> str:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})


# Everything on everything.
role = aws.iam.Role(
    "generous", name=named("generous"), tags=TAGS,
    assume_role_policy=worn_by({"Service": "lambda.amazonaws.com"}),
)  # fmt: skip
aws.iam.RolePolicy(
    "generous",
    name=named("generous"),
    role=role.id,
    policy=document({"Effect": "Allow", "Action": "*", "Resource": "*"}),
)

# Everything on one table, dropping it included.
LEDGER = "arn:aws:dynamodb:us-east-1:123456789012:table/sluice-dev-ledger"
aws.iam.RolePolicy(
    "lavish",
    name=named("lavish"),
    role=role.id,
    policy=document({"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": [LEDGER]}),
)

# Anybody in the world may put on this role.
aws.iam.Role(
    "open", name=named("open"), tags=TAGS,
    assume_role_policy=worn_by({"AWS": "*"}),
)  # fmt: skip

# Readable by the world.
bucket = aws.s3.Bucket("public", bucket=named("public"), tags=TAGS)
aws.s3.BucketAcl("public", bucket=bucket.id, acl="public-read")

# Lost for ever once it is emptied.
aws.dynamodb.Table(
    "unsaved",
    name=named("unsaved"),
    billing_mode="PAY_PER_REQUEST",
    hash_key="pk",
    attributes=[{"name": "pk", "type": "S"}],
    tags=TAGS,
)

# A key that rotates never, and a secret that is not under it.
aws.kms.Key("still", description="of data", tags=TAGS)
aws.secretsmanager.Secret("uncovered", name=named("uncovered"), tags=TAGS)

# Kept for ever.
aws.cloudwatch.LogGroup("endless", name=f"/aws/lambda/{named('worker')}", tags=TAGS)

# No timeout; a log group that Lambda makes up.
worker = aws.lambda_.Function(
    "worker", name=named("hasty"), role=role.arn, runtime="python3.13", handler="x.y",
    code=pulumi.FileArchive("worker.zip"), tags=TAGS,
)  # fmt: skip
# Any API of any account may call it.
aws.lambda_.Permission(
    "anybody",
    action="lambda:InvokeFunction",
    function=worker.name,
    principal="apigateway.amazonaws.com",
)

# No dead letters, and given out again while the worker still has it.
queue = aws.sqs.Queue("lossy", name=named("lossy"), visibility_timeout_seconds=17, tags=TAGS)
aws.lambda_.EventSourceMapping(
    "lossy", event_source_arn=queue.arn, function_name=worker.arn, tags=TAGS
)

# Tells nobody, says nothing, and takes silence for whatever.
aws.cloudwatch.MetricAlarm(
    "mute", name=named("mute"), namespace="AWS/Lambda", metric_name="Errors", statistic="Sum",
    period=60, evaluation_periods=1, threshold=1, tags=TAGS,
    comparison_operator="GreaterThanOrEqualToThreshold",
)  # fmt: skip

# In the way of every other environment, and nobody's on the bill.
aws.sns.Topic("anonymous", name="alarms")

# The execution log writes prompts and keys down.
aws.apigateway.MethodSettings(
    "talkative", rest_api="api", stage_name="live", method_path="*/*",
    settings={"logging_level": "INFO", "data_trace_enabled": True},
)  # fmt: skip
