"""Our signatures are those of botocore, whatever is signed."""

from __future__ import annotations

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.sigv4 import Scope, signed

HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "host": "dynamodb.eu-west-1.amazonaws.com",
    "x-amz-target": "DynamoDB_20120810.PutItem",
}
AT = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789/+=", min_size=1, max_size=60)


def theirs(
    scope: Scope, credentials: ReadOnlyCredentials, headers: dict[str, str], body: bytes
) -> str:
    url = f"https://{headers['host']}/"
    given = {name: value for name, value in headers.items() if name != "host"}
    request = AWSRequest("POST", url, headers=given, data=body)
    SigV4Auth(credentials, scope.service, scope.region).add_auth(request)
    return str(request.headers["Authorization"])


@pytest.fixture(autouse=True, scope="module")
def _clock() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda **_: AT.replace(tzinfo=None))
        yield


@given(
    body=st.binary(max_size=300),
    key=words,
    secret=words,
    token=st.none() | words,
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1"]),
    service=st.sampled_from(["dynamodb", "secretsmanager"]),
    host=st.sampled_from(["dynamodb.eu-west-1.amazonaws.com", "127.0.0.1:8123"]),
)
def test_a_signature_is_botocores(
    body: bytes, key: str, secret: str, token: str | None, region: str, service: str, host: str
) -> None:
    scope, credentials = Scope(region, service), ReadOnlyCredentials(key, secret, token, None)
    headers = HEADERS | {"host": host}
    ours = signed(scope, credentials, headers, body, AT)
    assert ours["authorization"] == theirs(scope, credentials, headers, body)
    assert ours.get("x-amz-security-token") == token
    assert ours["x-amz-date"] == "20261122T235959Z"


def test_a_key_is_good_for_one_day_and_one_secret() -> None:
    scope = Scope("eu-west-1", "dynamodb")
    tomorrow = datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC)
    signatures = {
        signed(scope, ReadOnlyCredentials("k", secret, None, None), HEADERS, b"", at)[
            "authorization"
        ]
        for secret in ("one", "two")
        for at in (AT, tomorrow)
    }
    assert len(signatures) == 4
