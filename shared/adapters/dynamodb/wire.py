"""DynamoDB's JSON protocol, spoken directly: the calls of the router and no others.

botocore signs, urllib3 sends and keeps the connections; between them stands only what the
protocol asks for. botocore's own client builds each request from a model of the service, through
three dozen hooks: measured in ``benchmarks/``, that is most of the CPU of a cache hit.

The calls take and return what botocore's take and return and raise its errors, so either client
serves :class:`~shared.adapters.dynamodb.store.DynamoStore`. Source of the protocol:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
"""

from __future__ import annotations

import base64
import random
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import msgspec
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from botocore.httpsession import get_cert_path
from urllib3.exceptions import ConnectTimeoutError as ConnectTimedOut
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import ReadTimeoutError as ReadTimedOut

from shared.adapters import aws

Json = dict[str, Any]

_SERVICE: Final = "dynamodb"
_PROTOCOL: Final = "DynamoDB_20120810"
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


class WireClient:
    """One endpoint. Raises botocore's ``ClientError`` and ``BotoCoreError``; safe in threads.

    ``sign`` adds the headers of a signature to a request.
    """

    def __init__(
        self, url: str, sign: Callable[[AWSRequest], None], timeout: urllib3.Timeout
    ) -> None:
        self._url = url
        self._sign = sign
        self._pool = urllib3.PoolManager(timeout=timeout, ca_certs=get_cert_path(True))

    def batch_get_item(self, **request: Any) -> Json:
        """Read items of several tables."""
        return self._call("BatchGetItem", request)

    def put_item(self, **request: Any) -> Json:
        """Write one item."""
        return self._call("PutItem", request)

    def update_item(self, **request: Any) -> Json:
        """Change one item."""
        return self._call("UpdateItem", request)

    def transact_write_items(self, **request: Any) -> Json:
        """Write several items or none; a request without a token gets one, as in botocore."""
        return self._call(
            "TransactWriteItems", {"ClientRequestToken": str(uuid.uuid4()), **request}
        )

    def _call(self, operation: str, request: Json) -> Json:
        body = msgspec.json.encode(request)  # bytes become base64, as the protocol has it
        for pause in _PAUSES:
            try:
                return self._once(operation, body)
            except (ClientError, BotoCoreError) as error:
                if not _may_pass(error):
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 no secret
        return self._once(operation, body)

    def _once(self, operation: str, body: bytes) -> Json:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "User-Agent": aws.USER_AGENT,
            "X-Amz-Target": f"{_PROTOCOL}.{operation}",
        }
        request = AWSRequest("POST", self._url, headers=headers, data=body)
        self._sign(request)
        reply = self._send(body, dict(request.headers.items()))
        answer = _decoded(reply.data)
        if reply.status != 200:
            raise ClientError(_error(answer, reply.status), operation)  # type: ignore[arg-type]
        return answer

    def _send(self, body: bytes, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Send once; raises the errors that botocore's own sessions raise."""
        url = self._url
        try:
            return self._pool.urlopen(
                "POST", url, body=body, headers=headers, retries=False, redirect=False
            )
        except ConnectTimedOut as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ReadTimedOut as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from error
        except NewConnectionError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except HTTPError as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from error


def connect(*, connect_seconds: float, read_seconds: float) -> WireClient:
    """Return a client for the session's region and role, or the endpoint that is configured."""
    session = aws.session()
    region = session.get_config_variable("region")
    if region is None:
        raise NoRegionError
    timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)

    def sign(request: AWSRequest) -> None:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, region).add_auth(request)

    return WireClient(_endpoint(region), sign, timeout)


def _endpoint(region: str) -> str:
    session = aws.session()
    configured = ConfiguredEndpointProvider(
        full_config=session.full_config,
        scoped_config=session.get_scoped_config(),
        client_name=_SERVICE,
    ).provide()
    if configured:
        return str(configured)
    known = session.get_component("endpoint_resolver").construct_endpoint(_SERVICE, region)
    return f"https://{known['hostname']}/"


def _may_pass(error: ClientError | BotoCoreError) -> bool:
    """Whether another attempt may fare better: what was refused for good is not sent again."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or error.response["Error"]["Code"] in _PASSING
    return not isinstance(error, NoCredentialsError)


def _decoded(body: bytes) -> Json:
    """Return an answer's object; what is none, as from a proxy in between, has no members."""
    try:
        answer = msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError:
        return {}
    return _with_bytes(answer) if isinstance(answer, dict) else {}


def _with_bytes(value: Any) -> Any:
    """Return a value with its binary attributes as bytes."""
    if isinstance(value, list):
        return [_with_bytes(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(binary := value.get("B"), str):
        return {"B": base64.b64decode(binary)}
    return {name: _with_bytes(each) for name, each in value.items()}


def _error(answer: Json, status: int) -> Json:
    """Return an error as botocore shapes it: the code without its namespace, the rest beside it."""
    code = str(answer.pop("__type", status)).rpartition("#")[2]
    message = answer.pop("message", answer.pop("Message", ""))
    return {
        **answer,
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
