"""Creates S3 buckets and what is said of them apart."""

from __future__ import annotations

import secrets
from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list
from local.deploy.inputs import Inputs

HOME_REGION = "us-east-1"
"""The one region that a bucket there must not be told of."""


def bucket(creation: Creation) -> Created:
    """``aws:s3/bucket:Bucket``."""
    name, inputs, aws = _name(creation), creation.inputs, creation.aws
    place: Any = {"LocationConstraint": aws.region}
    elsewhere = {} if aws.region == HOME_REGION else {"CreateBucketConfiguration": place}
    aws.s3.create_bucket(Bucket=name, **elsewhere)
    # Whether `pulumi destroy` empties it is a matter between Pulumi and AWS.
    inputs.get("forceDestroy")
    if tags := inputs.get("tags"):
        aws.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": as_tag_list(tags)})
    outputs = {
        "bucket": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{aws.region}.amazonaws.com",
        "bucketRegion": aws.region,
        "region": aws.region,
    }
    return Created(name, outputs)


def _name(creation: Creation) -> str:
    """Return the declared name, or one that begins as declared and ends in what nobody else has."""
    prefix = creation.inputs.get("bucketPrefix")
    return f"{prefix}{secrets.token_hex(4)}" if prefix else creation.physical_name("bucket")


def public_access_block(creation: Creation) -> Created:
    """``aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock``."""
    name, inputs = creation.inputs["bucket"], creation.inputs
    flags = inputs.chosen(
        {
            "blockPublicAcls": "BlockPublicAcls",
            "blockPublicPolicy": "BlockPublicPolicy",
            "ignorePublicAcls": "IgnorePublicAcls",
            "restrictPublicBuckets": "RestrictPublicBuckets",
        }
    )
    creation.aws.s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration=flags,  # type: ignore[arg-type] # all its keys are flags
    )
    return Created(name)


def encryption(creation: Creation) -> Created:
    """``aws:s3/bucketServerSideEncryptionConfiguration:…``."""
    name = creation.inputs["bucket"]
    rules = [_encryption_rule(Inputs(rule)) for rule in creation.inputs["rules"]]
    creation.aws.s3.put_bucket_encryption(
        Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return Created(name)


def _encryption_rule(rule: Inputs) -> Any:
    default = rule.part("applyServerSideEncryptionByDefault").chosen(
        {"kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"}
    )
    keyed = rule.chosen({"bucketKeyEnabled": "BucketKeyEnabled"})
    return {"ApplyServerSideEncryptionByDefault": default, **keyed}


def versioning(creation: Creation) -> Created:
    """``aws:s3/bucketVersioning:BucketVersioning``."""
    name = creation.inputs["bucket"]
    status = creation.inputs["versioningConfiguration"]["status"]
    # A bucket that never had versions is not told of any.
    if status != "Disabled":
        creation.aws.s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": status}
        )
    return Created(name)


def ownership(creation: Creation) -> Created:
    """``aws:s3/bucketOwnershipControls:BucketOwnershipControls``."""
    name = creation.inputs["bucket"]
    rules: Any = [{"ObjectOwnership": creation.inputs.part("rule")["objectOwnership"]}]
    creation.aws.s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules})
    return Created(name)


def policy(creation: Creation) -> Created:
    """``aws:s3/bucketPolicy:BucketPolicy``."""
    name = creation.inputs["bucket"]
    creation.aws.s3.put_bucket_policy(Bucket=name, Policy=creation.inputs["policy"])
    return Created(name)


def lifecycle(creation: Creation) -> Created:
    """``aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration``."""
    name = creation.inputs["bucket"]
    rules = [_lifecycle_rule(rule) for rule in creation.inputs["rules"]]
    creation.aws.s3.put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": rules}
    )
    return Created(name)


def _lifecycle_rule(rule: dict[str, Any]) -> Any:
    return {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": _capital(rule.get("filter") or {"prefix": ""}),
        **{
            api: _capital(rule[key])
            for key, api in _LIFECYCLE_ACTIONS.items()
            if rule.get(key) is not None
        },
    }


_LIFECYCLE_ACTIONS = {
    "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "expiration": "Expiration",
    "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "transitions": "Transitions",
}


def _capital(value: Any) -> Any:
    """Turn Pulumi's names into the API's, which differ in their first letter only."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _capital(content) for key, content in value.items()}
    return [_capital(each) for each in value] if isinstance(value, list) else value


CREATORS = {
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": lifecycle,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ownership,
    "aws:s3/bucketPolicy:BucketPolicy": policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": public_access_block,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        encryption
    ),
    "aws:s3/bucketVersioning:BucketVersioning": versioning,
}
