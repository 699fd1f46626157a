"""What is kept, how long, and under whose key."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import (
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
TABLE = "aws:dynamodb/table:Table"
SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 -- a type, not a secret
BUCKET = "aws:s3/bucket:Bucket"
SHUT = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def of(args: StackValidationArgs, kind: str) -> Iterator[PolicyResource]:
    return (resource for resource in args.resources if resource.resource_type == kind)


def logs_forget(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == LOG_GROUP and not args.props.get("retentionInDays"):
        report("a log without retention is kept, and paid for, for ever", args.urn)


def functions_log_where_it_is_declared(args: StackValidationArgs, report: ReportViolation) -> None:
    groups = {group.props.get("name") for group in of(args, LOG_GROUP)}
    for function in of(args, FUNCTION):
        chosen = (function.props.get("loggingConfig") or {}).get("logGroup")
        if (chosen or f"/aws/lambda/{function.props.get('name')}") not in groups:
            report("Lambda will create its log group, without retention or tags", function.urn)


def functions_end(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == FUNCTION and not args.props.get("timeout"):
        report("the function does not say how long it may take", args.urn)


def tables_can_be_restored(args: ResourceValidationArgs, report: ReportViolation) -> None:
    recovery = args.props.get("pointInTimeRecovery") or {}
    if args.resource_type == TABLE and not recovery.get("enabled"):
        report("a table that was emptied by mistake stays empty", args.urn)


def the_key_covers_all(args: StackValidationArgs, report: ReportViolation) -> None:
    if not any(of(args, "aws:kms/key:Key")):
        return
    for resource in args.resources:
        props = resource.props
        keys = {
            TABLE: (props.get("serverSideEncryption") or {}).get("kmsKeyArn"),
            SECRET: props.get("kmsKeyId"),
            LOG_GROUP: props.get("kmsKeyId"),
        }
        if resource.resource_type in keys and not keys[resource.resource_type]:
            report("the stack has a key of its own, and this is not under it", resource.urn)


def buckets_are_shut(args: StackValidationArgs, report: ReportViolation) -> None:
    blocks = of(args, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    shut = {b.props.get("bucket") for b in blocks if all(b.props.get(way) for way in SHUT)}
    for bucket in of(args, BUCKET):
        if not {bucket.props.get("bucket"), bucket.props.get("id")} & (shut - {None}):
            report("nothing keeps the bucket from being made public", bucket.urn)


KEEPING = [
    ResourceValidationPolicy("log-retention", "A log says how long it is kept.", logs_forget),
    StackValidationPolicy(
        "declared-log", "A function's log group is declared.", functions_log_where_it_is_declared
    ),
    ResourceValidationPolicy("timeout", "A function says how long it may take.", functions_end),
    ResourceValidationPolicy(
        "restorable-table", "A table has point-in-time recovery.", tables_can_be_restored
    ),
    StackValidationPolicy(
        "one-key", "Where there is a key, it covers all that is stored.", the_key_covers_all
    ),
    StackValidationPolicy("shut-bucket", "A bucket blocks all public access.", buckets_are_shut),
]
