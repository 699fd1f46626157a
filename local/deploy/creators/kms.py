"""Creates KMS keys, their policies and their names."""

from __future__ import annotations

from local.deploy.creation import Created, Creation


def key(creation: Creation) -> Created:
    """``aws:kms/key:Key``."""
    inputs, kms = creation.inputs, creation.aws.kms
    made = kms.create_key(
        Description=inputs.get("description", ""),
        Tags=[{"TagKey": k, "TagValue": v} for k, v in inputs.get("tags", {}).items()],
    )["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return Created(made["KeyId"], {"keyId": made["KeyId"], "arn": made["Arn"]})


def key_policy(creation: Creation) -> Created:
    """``aws:kms/keyPolicy:KeyPolicy``."""
    owner = creation.inputs["keyId"]
    creation.aws.kms.put_key_policy(
        KeyId=owner, PolicyName="default", Policy=creation.inputs["policy"]
    )
    return Created(owner)


def alias(creation: Creation) -> Created:
    """``aws:kms/alias:Alias``."""
    name = creation.inputs["name"]
    creation.aws.kms.create_alias(AliasName=name, TargetKeyId=creation.inputs["targetKeyId"])
    return Created(name, {"arn": creation.aws.arn("kms", name)})


CREATORS = {
    "aws:kms/key:Key": key,
    "aws:kms/keyPolicy:KeyPolicy": key_policy,
    "aws:kms/alias:Alias": alias,
}
