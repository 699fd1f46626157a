"""The private bucket of files too large for a row: what batches ask, large bodies, teams' files.

It has no versions: a deleted prompt is to be gone. Nothing in it outlives its purpose, and what
code forgets to delete the lifecycle does.
"""

from __future__ import annotations

from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra.encryption import Encryption
from infra.settings import StackSettings
from shared.resources import BATCHES_BUCKET, resource_name

KEPT_DAYS: Final = 45
"""Longer than any file is promised to live: a job's answer and a team's file stay for 30 days after
a deadline that is a week away at most."""
BROKEN_UPLOAD_DAYS: Final = 2


def declare_file_bucket(stack: StackSettings, encryption: Encryption | None) -> aws.s3.Bucket:
    """Declare the bucket with all that keeps it shut."""
    bucket = aws.s3.Bucket(
        BATCHES_BUCKET,
        # All accounts share one space of names, so the name ends in what AWS's provider makes up.
        bucket_prefix=f"{resource_name(stack.environment, BATCHES_BUCKET)}-",
        # Without it `pulumi destroy` stops at the first file.
        force_destroy=not stack.deletion_protection,
        tags=stack.tags,
        opts=pulumi.ResourceOptions(protect=stack.deletion_protection),
    )
    _shut(bucket)
    _encrypt(bucket, encryption)
    _forget(bucket)
    return bucket


def _shut(bucket: aws.s3.Bucket) -> None:
    block = aws.s3.BucketPublicAccessBlock(
        BATCHES_BUCKET,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    aws.s3.BucketOwnershipControls(
        BATCHES_BUCKET, bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}
    )
    aws.s3.BucketPolicy(
        BATCHES_BUCKET,
        bucket=bucket.id,
        policy=pulumi.Output.json_dumps(_only_over_tls(bucket)),
        opts=pulumi.ResourceOptions(depends_on=[block]),
    )


def _only_over_tls(bucket: aws.s3.Bucket) -> dict[str, Any]:
    statement = {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _encrypt(bucket: aws.s3.Bucket, encryption: Encryption | None) -> None:
    """S3 encrypts by itself, with keys of its own; a bucket key saves nearly all calls of KMS."""
    if encryption is None:
        return
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": encryption.key.arn}
    aws.s3.BucketServerSideEncryptionConfiguration(
        BATCHES_BUCKET,
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": default, "bucket_key_enabled": True}],
    )


def _forget(bucket: aws.s3.Bucket) -> None:
    rules = [
        {"id": "forget", "status": "Enabled", "filter": {"prefix": ""},
         "expiration": {"days": KEPT_DAYS}},
        {"id": "broken-uploads", "status": "Enabled", "filter": {"prefix": ""},
         "abort_incomplete_multipart_upload": {"days_after_initiation": BROKEN_UPLOAD_DAYS}},
    ]  # fmt: skip
    aws.s3.BucketLifecycleConfiguration(BATCHES_BUCKET, bucket=bucket.id, rules=rules)
