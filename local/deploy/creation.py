"""What a creator function gets and what it gives back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.aws import ACCOUNT, ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from local.deploy.inputs import Inputs

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_budgets import BudgetsClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_wafv2 import WAFV2Client

_IMPATIENT = Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 1})


class Aws:
    """boto3 clients of the operator, each made when it is first needed."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._endpoint_url = endpoint_url
        self.region = region

    @cached_property
    def apigateway(self) -> APIGatewayClient:
        """API Gateway."""
        return self._session.client("apigateway", **self._options)

    @cached_property
    def budgets(self) -> BudgetsClient:
        """AWS Budgets."""
        return self._session.client("budgets", **self._options)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        """CloudWatch."""
        return self._session.client("cloudwatch", **self._options)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """DynamoDB."""
        return self._session.client("dynamodb", **self._options)

    @cached_property
    def iam(self) -> IAMClient:
        """IAM."""
        return self._session.client("iam", **self._options)

    @cached_property
    def kms(self) -> KMSClient:
        """KMS."""
        return self._session.client("kms", **self._options)

    @cached_property
    def lambda_(self) -> LambdaClient:
        """Lambda."""
        return self._session.client("lambda", **self._options)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        return self._session.client("logs", **self._options)

    @cached_property
    def s3(self) -> S3Client:
        """S3."""
        return self._session.client("s3", **self._options)

    @cached_property
    def scheduler(self) -> EventBridgeSchedulerClient:
        """EventBridge Scheduler."""
        return self._session.client("scheduler", **self._options)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        """Secrets Manager."""
        return self._session.client("secretsmanager", **self._options)

    @cached_property
    def sns(self) -> SNSClient:
        """SNS."""
        return self._session.client("sns", **self._options)

    @cached_property
    def sqs(self) -> SQSClient:
        """SQS."""
        return self._session.client("sqs", **self._options)

    @cached_property
    def wafv2(self) -> WAFV2Client:
        """WAF."""
        return self._session.client("wafv2", **self._options)

    def arn(self, service: str, resource: str) -> str:
        """Return an ARN in the local account."""
        return f"arn:aws:{service}:{self.region}:{ACCOUNT}:{resource}"

    @cached_property
    def _session(self) -> boto3.Session:
        # A session of its own: the default one would read this user's AWS profile.
        return boto3.Session(
            aws_access_key_id=ADMIN_ACCESS_KEY,
            aws_secret_access_key=ADMIN_SECRET_KEY,
            region_name=self.region,
        )

    @property
    def _options(self) -> dict[str, Any]:
        return {"endpoint_url": self._endpoint_url, "config": _IMPATIENT}


@dataclass(frozen=True)
class Creation:
    """A resource about to be created."""

    name: str
    inputs: Inputs
    aws: Aws

    def physical_name(self, key: str = "name") -> str:
        """Return the declared name, or what Pulumi would make up: the logical one and a suffix."""
        declared = self.inputs.get(key)
        return str(declared) if declared else f"{self.name}-{secrets.token_hex(4)[:7]}"


@dataclass(frozen=True)
class Created:
    """A resource that stands: its id and the outputs beyond its inputs."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


Creator = Callable[[Creation], Created]
