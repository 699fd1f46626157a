"""What an AWS account needs once per region before a stack in it can keep access logs.

API Gateway writes logs with one role per account and region, which is no stack's own: deleting
the stack that declared it would take the logs of all others. Source: API Gateway developer
guide, "Set up CloudWatch logging for REST APIs".
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_iam import IAMClient

ROLE: Final = "sluice-apigateway-logs"
POLICY: Final = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "apigateway.amazonaws.com"},
        }
    ],
}
PAUSES: Final = (2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between tries: API Gateway refuses a role that IAM has not yet made known everywhere."""


@dataclass(frozen=True)
class Step:
    """One thing the account must have, whether it has it, and how it gets it."""

    what: str
    is_there: bool
    make: Callable[[], object]


@dataclass(frozen=True)
class Account:
    """One account in one region, with the operator's rights."""

    iam: IAMClient
    apigateway: APIGatewayClient
    sleep: Callable[[float], object] = time.sleep

    def steps(self) -> list[Step]:
        """Return what is to be there, looking only. Errors of AWS pass through.

        A role that somebody else has set serves as well as ours, as long as it exists.
        """
        current = self.apigateway.get_account().get("cloudwatchRoleArn", "")
        if current and not current.endswith(f"/{ROLE}") and self._role_arn(_name(current)):
            return [Step(f"API Gateway logs as {current}", True, _nothing)]
        return list(self._own_steps(current))

    def _own_steps(self, current: str) -> Iterator[Step]:
        arn = self._role_arn(ROLE)
        yield Step(f"the role {ROLE}", arn is not None, self._create_role)
        yield Step(f"its policy {_name(POLICY)}", bool(arn) and self._attached(), self._attach)
        is_set = arn is not None and current == arn
        yield Step(f"API Gateway logs as the role {ROLE}", is_set, self._set)

    def _role_arn(self, name: str) -> str | None:
        try:
            return self.iam.get_role(RoleName=name)["Role"]["Arn"]
        except self.iam.exceptions.NoSuchEntityException:
            return None

    def _attached(self) -> bool:
        pages = self.iam.get_paginator("list_attached_role_policies").paginate(RoleName=ROLE)
        attached = [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]
        return POLICY in attached

    def _create_role(self) -> None:
        self.iam.create_role(
            RoleName=ROLE,
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Description="Lets API Gateway write logs, for every REST API of the account.",
        )

    def _attach(self) -> None:
        self.iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICY)

    def _set(self) -> None:
        for pause in PAUSES:
            try:
                self._update()
            except ClientError as error:
                if error.response["Error"]["Code"] != "BadRequestException":
                    raise
                self.sleep(pause)
            else:
                return
        self._update()

    def _update(self) -> None:
        arn = self.iam.get_role(RoleName=ROLE)["Role"]["Arn"]
        self.apigateway.update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
        )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _nothing() -> None:
    """Do nothing: what is there needs no making."""
