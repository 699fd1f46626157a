"""The firewall in front of the edge, where ``waf_requests_per_ip`` asks for one.

WAF is $5 a month, each rule $1, and $0.60 per million requests
(https://aws.amazon.com/waf/pricing/).
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws

from infra.settings import StackSettings
from shared.resources import resource_name

WINDOW_SECONDS = 300

# AWS's core rules (WAF developer guide, "Baseline rule groups") meant for web forms. In a body
# that is a prompt they would refuse: whatever is longer than 8 KB, any HTML or script that a
# model is asked about, any path, URL or address of a metadata service in pasted code. They
# count instead of blocking; the rules on headers, query and path stay as AWS made them.
COUNTED = (
    "SizeRestrictions_BODY",
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
)
"""No SQL rules are here to exempt: that group is one of its own, and is left out."""


def declare_firewall(stack: StackSettings, stage: aws.apigateway.Stage) -> None:
    """Declare the rules and put them in front of the stage, or nothing."""
    if stack.waf_requests_per_ip is None:
        return
    acl = aws.wafv2.WebAcl(
        "edge",
        name=resource_name(stack.environment, "edge"),
        scope="REGIONAL",
        default_action={"allow": {}},
        rules=[_core_rules(), _rate_rule(stack.waf_requests_per_ip)],
        visibility_config=_visibility("edge"),
        tags=stack.tags,
    )
    aws.wafv2.WebAclAssociation("edge", resource_arn=stage.arn, web_acl_arn=acl.arn)


def _core_rules() -> dict[str, Any]:
    exempt = [{"name": rule, "action_to_use": {"count": {}}} for rule in COUNTED]
    group = {
        "vendor_name": "AWS",
        "name": "AWSManagedRulesCommonRuleSet",
        "rule_action_overrides": exempt,
    }
    return {
        "name": "core",
        "priority": 1,
        "override_action": {"none": {}},
        "statement": {"managed_rule_group_statement": group},
        "visibility_config": _visibility("core"),
    }


def _rate_rule(limit: int) -> dict[str, Any]:
    per_address = {
        "aggregate_key_type": "IP",
        "limit": limit,
        "evaluation_window_sec": WINDOW_SECONDS,
    }
    return {
        "name": "rate",
        "priority": 0,
        "action": {"block": {}},
        "statement": {"rate_based_statement": per_address},
        "visibility_config": _visibility("rate"),
    }


def _visibility(name: str) -> dict[str, Any]:
    # Sampled requests keep headers for three hours, and with them gateway keys.
    return {
        "metric_name": name,
        "cloudwatch_metrics_enabled": True,
        "sampled_requests_enabled": False,
    }
