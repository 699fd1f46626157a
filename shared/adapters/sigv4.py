"""AWS's Signature Version 4 for a POST of JSON. Pure but for a cache of derived keys.

botocore's signer takes any request and pays for it: 0.1 ms of CPU a call, four times this one. A
test holds that both sign alike. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Protocol

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Credentials(Protocol):
    """What botocore's frozen credentials hold; a role's have a token."""

    @property
    def access_key(self) -> str | None:
        """The id of the key."""

    @property
    def secret_key(self) -> str | None:
        """The key itself."""

    @property
    def token(self) -> str | None:
        """The session's token."""


@dataclass(frozen=True)
class Scope:
    """What a signature is good for: one service in one region, for a day."""

    region: str
    service: str

    def on(self, day: str) -> str:
        """Return the scope as a request states it, for a UTC day (``20261122``)."""
        return f"{day}/{self.region}/{self.service}/aws4_request"


def signed(
    scope: Scope,
    credentials: Credentials,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> dict[str, str]:
    """Return the headers of a POST to ``/`` with its signature, at an aware UTC time.

    ``headers`` are named in small letters and hold ``host``; all of them are signed.
    """
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    told = {**headers, "x-amz-date": stamp}
    if credentials.token:
        told["x-amz-security-token"] = credentials.token
    names = sorted(told)
    canonical = "\n".join(
        [
            "POST\n/\n",
            *(f"{name}:{told[name]}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    where = scope.on(stamp[:8])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _signing_key(credentials.secret_key or "", stamp[:8], scope)
    signature = _hmac(key, f"{_ALGORITHM}\n{stamp}\n{where}\n{digest}").hex()
    told["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{where}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return told


@lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
