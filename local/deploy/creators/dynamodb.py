"""Creates DynamoDB tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list
from local.deploy.inputs import Inputs

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef


def table(creation: Creation) -> Created:
    """``aws:dynamodb/table:Table``."""
    name, inputs, dynamodb = creation.physical_name(), creation.inputs, creation.aws.dynamodb
    description = dynamodb.create_table(
        TableName=name,
        BillingMode=inputs["billingMode"],
        KeySchema=_key_schema(inputs),
        AttributeDefinitions=[
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in inputs["attributes"]
        ],
        DeletionProtectionEnabled=inputs.get("deletionProtectionEnabled", False),
        Tags=as_tag_list(inputs.get("tags")),
        **_encryption(inputs),
    )["TableDescription"]
    _expire(creation, name)
    _back_up(creation, name)
    return Created(name, {"name": name, "arn": description["TableArn"]})


def _key_schema(inputs: Inputs) -> list[KeySchemaElementTypeDef]:
    schema: list[KeySchemaElementTypeDef] = [
        {"AttributeName": inputs["hashKey"], "KeyType": "HASH"}
    ]
    if range_key := inputs.get("rangeKey"):
        schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return schema


def _encryption(inputs: Inputs) -> dict[str, Any]:
    chosen = inputs.part("serverSideEncryption")
    if not chosen.get("enabled"):
        return {}
    key = chosen.chosen({"kmsKeyArn": "KMSMasterKeyId"})
    return {"SSESpecification": {"Enabled": True, "SSEType": "KMS", **key}}


def _expire(creation: Creation, name: str) -> None:
    ttl = creation.inputs.part("ttl")
    attribute, enabled = ttl.get("attributeName"), ttl.get("enabled", False)
    if enabled:
        creation.aws.dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )


def _back_up(creation: Creation, name: str) -> None:
    if creation.inputs.part("pointInTimeRecovery").get("enabled"):
        creation.aws.dynamodb.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )


CREATORS = {"aws:dynamodb/table:Table": table}
