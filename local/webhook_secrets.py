"""Fills the declared secret of the webhooks with this world's inbox: none leaves the machine."""

from __future__ import annotations

import base64
import json
import secrets

from botocore.exceptions import ClientError

from local.ground import DeployedStack
from shared.resources import webhooks_secret_name

ABSENT = "ResourceNotFoundException"


def fill_webhooks(deployed: DeployedStack, control_url: str) -> None:
    """Give a stack that has webhooks one, ``inbox``, and the team ``demo`` one of its own.

    Both go to the control server.
    """
    inbox = f"{control_url}/inbox/{deployed.name}"
    signing_secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
    value = {
        "signing_secret": secrets.token_urlsafe(32),
        "webhooks": [{"name": "inbox", "url": inbox}],
        "teams": {"demo": {"url": f"{inbox}-demo", "signing_secret": signing_secret}},
    }
    try:
        deployed.admin.secretsmanager.put_secret_value(
            SecretId=webhooks_secret_name(deployed.name), SecretString=json.dumps(value)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != ABSENT:
            raise
