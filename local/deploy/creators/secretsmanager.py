"""Creates secrets, empty: their values are the operator's to put."""

from __future__ import annotations

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list


def secret(creation: Creation) -> Created:
    """``aws:secretsmanager/secret:Secret``."""
    name = creation.physical_name()
    made = creation.aws.secretsmanager.create_secret(
        Name=name,
        Description=creation.inputs.get("description", ""),
        Tags=as_tag_list(creation.inputs.get("tags")),
        **creation.inputs.chosen({"kmsKeyId": "KmsKeyId"}),
    )
    return Created(made["ARN"], {"name": name, "arn": made["ARN"]})


CREATORS = {"aws:secretsmanager/secret:Secret": secret}
