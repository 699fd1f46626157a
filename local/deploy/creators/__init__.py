"""One function per resource type, grouped by service, and the table that finds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from local.deploy.creation import Creator
from local.deploy.creators import (
    apigateway,
    budgets,
    cloudwatch,
    dynamodb,
    event_sources,
    iam,
    kms,
    lambda_functions,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    wafv2,
)

CREATORS: Final[Mapping[str, Creator]] = {
    **apigateway.CREATORS,
    **budgets.CREATORS,
    **cloudwatch.CREATORS,
    **dynamodb.CREATORS,
    **event_sources.CREATORS,
    **iam.CREATORS,
    **kms.CREATORS,
    **lambda_functions.CREATORS,
    **s3.CREATORS,
    **scheduler.CREATORS,
    **secretsmanager.CREATORS,
    **sns.CREATORS,
    **sqs.CREATORS,
    **wafv2.CREATORS,
}
