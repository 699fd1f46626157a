"""What the door reads out of moto's state: roles, their policies, tables and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.parsing.key_condition_expression import parse_expression
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

from local.aws import ACCOUNT

PARTITION = "aws"


@dataclass(frozen=True)
class Place:
    """The region of a call; there is one account."""

    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this place."""
        return f"arn:{PARTITION}:{service}:{self.region}:{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class Role:
    """A session of an assumed role."""

    arn: str
    session_token: str
    policies: tuple[Mapping[str, Any], ...]


def assumed_role(access_key: str) -> Role | None:
    """Return the role that temporary credentials belong to, with its policies of this moment."""
    for session in sts_backends[ACCOUNT][PARTITION].assumed_roles:
        if session.access_key_id == access_key:
            name = session.role_arn.rpartition("/")[2]
            return Role(session.arn, session.session_token, tuple(_policies(name)))
    return None


def _policies(role_name: str) -> list[Mapping[str, Any]]:
    role = next(
        (role for role in iam_backends[ACCOUNT][PARTITION].get_roles() if role.name == role_name),
        None,
    )
    if role is None:
        return []
    attached = [_default_version(policy) for policy in role.managed_policies.values()]
    return [_parsed(text) for text in [*role.policies.values(), *attached]]


def _default_version(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


@lru_cache(maxsize=64)
def _parsed(document: str) -> Mapping[str, Any]:
    policy: Mapping[str, Any] = json.loads(document)
    return policy


def partition_attribute(place: Place, table: str) -> str | None:
    """Return the name of a table's partition key, or None if there is no such table."""
    found = dynamodb_backends[ACCOUNT][place.region].tables.get(table)
    return found.hash_key_attr if found else None


def partition_asked(place: Place, table: str, params: Mapping[str, Any]) -> Any | None:
    """Return the key of the one partition that a Query names, or None if that is not certain."""
    found = dynamodb_backends[ACCOUNT][place.region].tables.get(table)
    if found is None or "KeyConditionExpression" not in params:
        return None
    partitions, _, _ = parse_expression(
        params["KeyConditionExpression"],
        params.get("ExpressionAttributeValues", {}),
        params.get("ExpressionAttributeNames", {}),
        found.schema,
    )
    return dict(partitions) if len(partitions) == 1 else None


def secret_arn(place: Place, secret_id: str) -> str:
    """Return a secret's ARN; one that does not exist is asked for by the name it was given."""
    found = secretsmanager_backends[ACCOUNT][place.region].secrets.get(secret_id)
    if found is not None:
        return str(found.arn)
    return secret_id if secret_id.startswith("arn:") else place.arn("secretsmanager", secret_id)
