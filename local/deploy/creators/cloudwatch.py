"""Creates log groups."""

from __future__ import annotations

from local.deploy.creation import Created, Creation


def log_group(creation: Creation) -> Created:
    """``aws:cloudwatch/logGroup:LogGroup``."""
    name = creation.physical_name()
    logs = creation.aws.logs
    logs.create_log_group(logGroupName=name, tags=creation.inputs.get("tags", {}))
    if days := creation.inputs.get("retentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"name": name, "arn": creation.aws.arn("logs", f"log-group:{name}")})


CREATORS = {"aws:cloudwatch/logGroup:LogGroup": log_group}
