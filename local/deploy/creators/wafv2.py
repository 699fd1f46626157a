"""Creates firewalls and puts them in front of stages. No request ever meets them here."""

from __future__ import annotations

from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.creators.tags import as_tag_list

_ODD_NAMES = {"cloudwatchMetricsEnabled": "CloudWatchMetricsEnabled"}


def web_acl(creation: Creation) -> Created:
    """``aws:wafv2/webAcl:WebAcl``."""
    name, inputs = creation.physical_name(), creation.inputs
    made = creation.aws.wafv2.create_web_acl(
        Name=name,
        Scope=inputs["scope"],
        DefaultAction=_as_api(inputs["defaultAction"]),
        Rules=_as_api(inputs["rules"]),
        VisibilityConfig=_as_api(inputs["visibilityConfig"]),
        Tags=as_tag_list(inputs.get("tags")),
    )["Summary"]
    return Created(made["Id"], {"name": name, "arn": made["ARN"]})


def association(creation: Creation) -> Created:
    """``aws:wafv2/webAclAssociation:WebAclAssociation``."""
    acl, guarded = creation.inputs["webAclArn"], creation.inputs["resourceArn"]
    creation.aws.wafv2.associate_web_acl(WebACLArn=acl, ResourceArn=guarded)
    return Created(f"{acl},{guarded}")


def _as_api(value: Any) -> Any:
    """Name each part of a rule as WAF's own API does: as Pulumi does, but capitalised."""
    if isinstance(value, dict):
        return {_ODD_NAMES.get(k, k[0].upper() + k[1:]): _as_api(v) for k, v in value.items()}
    return [_as_api(item) for item in value] if isinstance(value, list) else value


CREATORS = {
    "aws:wafv2/webAcl:WebAcl": web_acl,
    "aws:wafv2/webAclAssociation:WebAclAssociation": association,
}
