"""AWS clients with the operator's rights on the local moto server.

These stand for AWS's own services (Lambda delivering logs, DynamoDB expiring rows) and for the
person who runs the stack; functions never see these credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from local.aws import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

# An empty map, unlike none, keeps a proxy in the developer's environment out of loopback calls.
DIRECT = Config(proxies={}, retries={"total_max_attempts": 2})


@dataclass(frozen=True)
class Admin:
    """Clients by service, made on first use; botocore clients are safe to share by threads."""

    endpoint_url: str
    region: str

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=ADMIN_ACCESS_KEY,
            aws_secret_access_key=ADMIN_SECRET_KEY,
            region_name=self.region,
        )

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        """Metrics."""
        return self._session.client("cloudwatch", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """Tables."""
        return self._session.client("dynamodb", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """Log groups."""
        return self._session.client("logs", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def s3(self) -> S3Client:
        """Buckets."""
        return self._session.client("s3", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        """Secrets."""
        return self._session.client("secretsmanager", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def sns(self) -> SNSClient:
        """Topics."""
        return self._session.client("sns", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def sts(self) -> STSClient:
        """Role credentials."""
        return self._session.client("sts", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def sqs(self) -> SQSClient:
        """Queues."""
        return self._session.client("sqs", endpoint_url=self.endpoint_url, config=DIRECT)

    @cached_property
    def scheduler(self) -> EventBridgeSchedulerClient:
        """Schedules."""
        return self._session.client("scheduler", endpoint_url=self.endpoint_url, config=DIRECT)

    def queue_url(self, arn: str) -> str:
        """Return the URL of a queue."""
        return self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]

    def role_credentials(self, role_arn: str, session_name: str) -> Mapping[str, str]:
        """Return the ``AWS_*`` variables of a role, as Lambda sets them for its functions."""
        answer = self.sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name[:64])
        credentials = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
