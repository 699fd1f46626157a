"""AWS's JSON protocol, spoken directly: what DynamoDB and Secrets Manager are asked in.

botocore finds the credentials, urllib3 sends and keeps the connections; between them stands only
what the protocol asks for. botocore's own clients build each request from a model of the
service, through three dozen hooks: measured in ``benchmarks/``, that was most of the CPU of a
cache hit, and making a client a tenth of a second of every cold start.

Errors are botocore's, so either kind of client serves the adapters. Source of the protocol:
https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import urllib3
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from botocore.httpsession import get_cert_path
from urllib3.exceptions import ConnectTimeoutError as ConnectTimedOut
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import ReadTimeoutError as ReadTimedOut

from shared.adapters import aws
from shared.adapters.sigv4 import Scope, signed

Json = dict[str, Any]

_PAUSES: Final = (0.05, 0.1)
"""Before each further attempt, at most so many seconds, at random as botocore does. Three
attempts in all: every write of the router has one effect however often it arrives."""
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Refusals that another attempt may outlive."""


_CONNECTIONS: Final = 10
"""Kept at most, as botocore does: more calls than that do not run at once."""


@dataclass(frozen=True)
class Service:
    """A service that speaks the protocol: its name, the prefix of its targets, the version."""

    name: str
    target: str
    version: str


@dataclass(frozen=True)
class Timeouts:
    """How long a connection and an answer may take, in seconds."""

    connect: float
    read: float


@dataclass(frozen=True)
class Access:
    """Where a service is asked for; ``sign`` returns the headers for a body, signed."""

    url: str
    sign: Callable[[dict[str, str], bytes], dict[str, str]]


class JsonClient:
    """One service at one endpoint; safe in threads."""

    def __init__(self, service: Service, access: Access, timeouts: Timeouts) -> None:
        self._service = service
        self._url = access.url
        self._host = urlsplit(access.url).netloc
        self._sign = access.sign
        timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.read)
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS, timeout=timeout, ca_certs=get_cert_path(True)
        )

    def call(self, operation: str, request: Json) -> Json:
        """Return the answer; raises botocore's ``ClientError`` and ``BotoCoreError``."""
        body = msgspec.json.encode(request)  # bytes become base64, as the protocol has it
        for pause in _PAUSES:
            try:
                return self._once(operation, body)
            except (ClientError, BotoCoreError) as error:
                if not _may_pass(error):
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 no secret
        return self._once(operation, body)

    def decode(self, body: bytes) -> Json:
        """Return the object that a body holds; raises ``msgspec.DecodeError``."""
        return msgspec.json.decode(body, type=Json)

    def _once(self, operation: str, body: bytes) -> Json:
        headers = {
            "content-type": f"application/x-amz-json-{self._service.version}",
            "host": self._host,
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        told = self._sign(headers, body) | {"user-agent": aws.USER_AGENT}
        reply = self._send(body, told)
        if reply.status != 200:
            raise self._refusal(operation, reply)
        try:
            return self.decode(reply.data)
        except msgspec.DecodeError as error:
            raise HTTPClientError(error=error) from error

    def _refusal(self, operation: str, reply: urllib3.BaseHTTPResponse) -> ClientError:
        """Return the error that an answer is; one that is no JSON, as a proxy's, has no more."""
        try:
            answer = self.decode(reply.data)
        except msgspec.DecodeError:
            answer = {}
        return ClientError(_error(answer, reply.status), operation)  # type: ignore[arg-type]

    def _send(self, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Send once; raises the errors that botocore's own sessions raise."""
        url = self._url
        try:
            return self._pool.urlopen(
                "POST", url, body=body, headers=headers, retries=False, redirect=False
            )
        except NewConnectionError as error:  # a kind of the next one, in urllib3
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except ConnectTimedOut as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ReadTimedOut as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except HTTPError as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error


def access(service: Service) -> Access:
    """Return the session's own region and role, or the endpoint that is configured."""
    session = aws.session()
    region = session.get_config_variable("region")
    if region is None:
        raise NoRegionError
    scope = Scope(region, service.name)

    def sign(headers: dict[str, str], body: bytes) -> dict[str, str]:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        frozen = credentials.get_frozen_credentials()
        return signed(scope, frozen, headers, body, datetime.now(UTC))

    return Access(_endpoint(service.name, region), sign)


def _endpoint(service: str, region: str) -> str:
    session = aws.session()
    configured = ConfiguredEndpointProvider(
        full_config=session.full_config,
        scoped_config=session.get_scoped_config(),
        client_name=service,
    ).provide()
    if configured:
        return str(configured)
    # Source: https://docs.aws.amazon.com/general/latest/gr/rande.html
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}/"


def _may_pass(error: ClientError | BotoCoreError) -> bool:
    """Whether another attempt may fare better: what was refused for good is not sent again."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or error.response["Error"]["Code"] in _PASSING
    return not isinstance(error, NoCredentialsError)


def _error(answer: Json, status: int) -> Json:
    """Return an error as botocore shapes it: the code without its namespace, the rest beside it."""
    code = str(answer.pop("__type", status)).rpartition("#")[2]
    message = answer.pop("message", answer.pop("Message", ""))
    return {
        **answer,
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
