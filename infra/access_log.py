"""API Gateway's access log: one line per request, refused ones included.

The fields are an allow-list of what the gateway itself knows. Nothing that a caller wrote is in
it: no header, no query, no path, no body, and so no key and no prompt.
"""

from __future__ import annotations

import json
from typing import Any

import pulumi_aws as aws

from infra.encryption import Encryption, key_arn
from infra.settings import StackSettings
from shared.resources import PROJECT

FIELDS = {
    "request_id": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    # Personal data in some laws, and the only trace of a flood that never showed a key.
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "refused_as": "$context.error.responseType",
    "firewall": "$context.wafResponseCode",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "router_latency_ms": "$context.integration.latency",
    "router_status": "$context.integration.status",
}
"""Names in the log, and what API Gateway puts there (its developer guide, "Variables for access
logging for API Gateway")."""


def declare_access_log(
    stack: StackSettings, encryption: Encryption | None
) -> dict[str, Any] | None:
    """Declare the log group and return the stage's settings for it, or nothing.

    A stage with these settings is refused until the region of the account has the role with
    which API Gateway writes logs: that belongs to the account, not to a stack.
    """
    if not stack.access_logs:
        return None
    group = aws.cloudwatch.LogGroup(
        "access-log",
        name=f"/{PROJECT}/{stack.environment}/access",
        retention_in_days=stack.log_retention_days,
        kms_key_id=key_arn(encryption),
        tags=stack.tags,
    )
    return {"destination_arn": group.arn, "format": json.dumps(FIELDS)}
