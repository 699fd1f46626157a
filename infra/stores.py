"""Where things are kept: the tables, shaped by :mod:`shared.resources`, and the bucket."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.encryption import Encryption
from infra.file_bucket import declare_file_bucket
from infra.settings import StackSettings
from shared.resources import CACHE_TABLE, JOBS_TABLE, LEDGER_TABLE, TableShape


@dataclass(frozen=True)
class Stores:
    """The tables, and the bucket of the files that are too large for a row."""

    cache: aws.dynamodb.Table
    ledger: aws.dynamodb.Table
    jobs: aws.dynamodb.Table
    batches: aws.s3.Bucket


def declare_stores(stack: StackSettings, encryption: Encryption | None) -> Stores:
    """Declare them: the cache may be lost, the books may not, nor answers that were paid for.

    Jobs live for weeks: they need not outlive their stack, as the books do.
    """
    return Stores(
        cache=_table(stack, CACHE_TABLE, encryption, precious=False),
        ledger=_table(stack, LEDGER_TABLE, encryption, precious=True, retained=True),
        jobs=_table(stack, JOBS_TABLE, encryption, precious=True),
        batches=declare_file_bucket(stack, encryption),
    )


def _table(
    stack: StackSettings,
    shape: TableShape,
    encryption: Encryption | None,
    *,
    precious: bool,
    retained: bool = False,
) -> aws.dynamodb.Table:
    protected = precious and stack.deletion_protection
    return aws.dynamodb.Table(
        shape.role,
        name=shape.name(stack.environment),
        billing_mode="PAY_PER_REQUEST",
        hash_key=shape.partition_key,
        range_key=shape.sort_key,
        attributes=[
            {"name": shape.partition_key, "type": "S"},
            {"name": shape.sort_key, "type": "S"},
        ],
        ttl={"attribute_name": shape.purge_attribute, "enabled": True},
        point_in_time_recovery={"enabled": precious},
        # Without a key of our own, DynamoDB encrypts with one of its own, at no cost.
        server_side_encryption=encryption and {"enabled": True, "kms_key_arn": encryption.key.arn},
        deletion_protection_enabled=protected,
        tags=stack.tags,
        opts=pulumi.ResourceOptions(
            # The engine refuses a replacement too, which DynamoDB's own flag notices only half-way.
            protect=protected,
            retain_on_delete=retained and stack.retain_ledger,
        ),
    )
