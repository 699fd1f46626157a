from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.aws import ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY
from local.deploy import Deployment, deploy

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"


class LocalAws:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def client(self, service: str, **credentials: str) -> Any:
        keys = credentials or {
            "aws_access_key_id": ADMIN_ACCESS_KEY,
            "aws_secret_access_key": ADMIN_SECRET_KEY,
        }
        config = Config(retries={"max_attempts": 0}, max_pool_connections=64)
        # Typed by nobody: the stubs want each service's name as a literal.
        session: Any = boto3.Session
        return session(region_name=REGION, **keys).client(
            service, endpoint_url=self.url, config=config
        )

    def as_role(self, role_arn: str) -> dict[str, str]:
        sts = self.client("sts")
        credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }

    def deploy(self, environment: str, **options: Any) -> Deployment:
        return asyncio.run(
            deploy(
                ROOT / "infra",
                ROOT / f"Pulumi.{environment}.yaml",
                project="sluice",
                aws_endpoint_url=self.url,
                region=REGION,
                **options,
            )
        )
