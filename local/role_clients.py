"""AWS clients that act as a declared role: what the role may not do fails here as on AWS.

They stand for services that work in a role's name: Lambda's pollers and destinations, Scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3

from local.admin import DIRECT, Admin


@dataclass
class RoleClients:
    """Clients by role and service, each made on first use. May be used from any thread."""

    admin: Admin
    session_name: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, role_arn: str, service: str) -> Any:
        """Return a client of a service that signs as a role; blocks when it is new."""
        key = (role_arn, service)
        if key not in self._clients:
            self._clients[key] = self._session(role_arn).client(
                service, endpoint_url=self.admin.endpoint_url, config=DIRECT
            )
        return self._clients[key]

    def _session(self, role_arn: str) -> Any:
        variables = self.admin.role_credentials(role_arn, self.session_name)
        # Typed by nobody: the stubs want each service's name as a literal.
        session: Any = boto3.Session
        return session(
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=variables["AWS_SESSION_TOKEN"],
            region_name=self.admin.region,
        )
