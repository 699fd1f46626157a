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
    iam,
    kms,
    lambda_functions,
    secretsmanager,
    sns,
    wafv2,
)

CREATORS: Final[Mapping[str, Creator]] = {
    **apigateway.CREATORS,
    **budgets.CREATORS,
    **cloudwatch.CREATORS,
    **dynamodb.CREATORS,
    **iam.CREATORS,
    **kms.CREATORS,
    **lambda_functions.CREATORS,
    **secretsmanager.CREATORS,
    **sns.CREATORS,
    **wafv2.CREATORS,
}
