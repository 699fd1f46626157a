"""The DynamoDB tables. Their shapes belong to :mod:`shared.resources`."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.settings import StackSettings
from shared.resources import CACHE_TABLE, LEDGER_TABLE, TableShape


@dataclass(frozen=True)
class Stores:
    """The tables that the router reads and writes."""

    cache: aws.dynamodb.Table
    ledger: aws.dynamodb.Table


def declare_stores(stack: StackSettings) -> Stores:
    """Declare the tables: the cache may be lost, the ledger may not."""
    return Stores(
        cache=_table(stack, CACHE_TABLE, retained=False),
        ledger=_table(stack, LEDGER_TABLE, retained=True),
    )


def _table(stack: StackSettings, shape: TableShape, *, retained: bool) -> aws.dynamodb.Table:
    protected = retained and stack.deletion_protection
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
        point_in_time_recovery={"enabled": retained},
        deletion_protection_enabled=protected,
        tags=stack.tags,
        # The engine refuses a replacement too, which DynamoDB's own flag notices only half-way.
        opts=pulumi.ResourceOptions(protect=protected),
    )
