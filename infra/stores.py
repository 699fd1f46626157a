"""The DynamoDB tables. Their shapes belong to :mod:`shared.resources`."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.encryption import Encryption
from infra.settings import StackSettings
from shared.resources import CACHE_TABLE, LEDGER_TABLE, TableShape


@dataclass(frozen=True)
class Stores:
    """The tables that the router reads and writes."""

    cache: aws.dynamodb.Table
    ledger: aws.dynamodb.Table


def declare_stores(stack: StackSettings, encryption: Encryption | None) -> Stores:
    """Declare the tables: the cache may be lost, the ledger may not."""
    return Stores(
        cache=_table(stack, CACHE_TABLE, encryption, precious=False),
        ledger=_table(stack, LEDGER_TABLE, encryption, precious=True),
    )


def _table(
    stack: StackSettings, shape: TableShape, encryption: Encryption | None, *, precious: bool
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
            retain_on_delete=precious and stack.retain_ledger,
        ),
    )
