"""Creates roles and their policies."""

from __future__ import annotations

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list


def role(creation: Creation) -> Created:
    """``aws:iam/role:Role``; its id is its name, as in Pulumi."""
    name = creation.physical_name()
    made = creation.aws.iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=creation.inputs["assumeRolePolicy"],
        Tags=as_tag_list(creation.inputs.get("tags")),
    )["Role"]
    return Created(name, {"name": name, "arn": made["Arn"]})


def role_policy(creation: Creation) -> Created:
    """``aws:iam/rolePolicy:RolePolicy``."""
    name, owner = creation.physical_name(), creation.inputs["role"]
    creation.aws.iam.put_role_policy(
        RoleName=owner, PolicyName=name, PolicyDocument=creation.inputs["policy"]
    )
    return Created(f"{owner}:{name}", {"name": name})


CREATORS = {"aws:iam/role:Role": role, "aws:iam/rolePolicy:RolePolicy": role_policy}
