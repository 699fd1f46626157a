"""AWS's JSON protocol as the router speaks it: signed, sent again where that is safe, read back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from botocore.session import Session

from shared.adapters import aws, aws_json, provider_keys
from shared.adapters.aws_json import Timeouts
from shared.adapters.dynamodb import wire

PATIENT = Timeouts(connect=5, read=5)
Answer = tuple[int, bytes]
HANG_UP: Answer = (0, b"")
SILENCE: Answer = (-1, b"")


class Endpoint:
    """Answers what it was told to, in turn; the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, b"{}")]
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.over = threading.Event()
        self.callers: list[Any] = []
        self.keeps_open: Callable[[int], bool] = lambda _: False
        """Whether the connection stays after so many requests; the last must not: the server
        serves one connection at a time."""

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                endpoint.asked.append((headers, json.loads(body)))
                endpoint.callers.append(self.client_address)
                status, answer = endpoint.next()
                if status == -1:
                    endpoint.over.wait(10)
                if status <= 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                if not endpoint.keeps_open(len(endpoint.asked)):
                    self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def _role(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The region and the credentials that a function has, and no pauses between attempts."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(aws_json, "_PAUSES", (0.0, 0.0))
    aws.session.cache_clear()
    yield
    aws.session.cache_clear()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    made = Endpoint()
    with HTTPServer(("127.0.0.1", 0), made.handler()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.over.set()
        server.shutdown()
        thread.join()


def refusal(kind: str, **more: Any) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", **more}).encode()


def test_a_call_is_signed_for_the_service_and_says_who_calls(endpoint: Endpoint) -> None:
    wire.connect(PATIENT).put_item(TableName="t", Item={"pk": {"S": "x"}})
    [(headers, body)] = endpoint.asked
    assert body == {"TableName": "t", "Item": {"pk": {"S": "x"}}}
    assert headers["x-amz-target"] == "DynamoDB_20120810.PutItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["user-agent"] == "sluice"
    assert headers["x-amz-security-token"] == "token"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDTEST/")
    assert "/eu-west-1/dynamodb/aws4_request" in headers["authorization"]


def test_a_connection_is_kept_for_the_next_call(endpoint: Endpoint) -> None:
    endpoint.keeps_open = lambda asked: asked < 2
    client = wire.connect(PATIENT)
    client.put_item(TableName="t")
    client.put_item(TableName="t")
    first, second = endpoint.callers
    assert first == second


def test_a_signature_covers_the_body(endpoint: Endpoint) -> None:
    client = wire.connect(PATIENT)
    client.put_item(TableName="t", Item={"pk": {"S": "x"}})
    client.put_item(TableName="t", Item={"pk": {"S": "y"}})
    first, second = (headers["authorization"] for headers, _ in endpoint.asked)
    assert first.partition("Signature=")[2] != second.partition("Signature=")[2]


def test_bytes_travel_in_base64_and_come_back_as_bytes(endpoint: Endpoint) -> None:
    item = {"pk": {"S": "B"}, "body": {"B": "AAH/"}, "B": {"S": "an attribute of that name"}}
    endpoint.answers = [(200, json.dumps({"Responses": {"t": [item]}}).encode())]
    client = wire.connect(PATIENT)
    [read] = client.batch_get_item(RequestItems={})["Responses"]["t"]
    assert read == {**item, "body": {"B": b"\x00\x01\xff"}}
    client.put_item(TableName="t", Item=read)
    assert endpoint.asked[-1][1]["Item"] == item


def test_a_transaction_gets_a_token_of_its_own_but_keeps_a_given_one(endpoint: Endpoint) -> None:
    client = wire.connect(PATIENT)
    client.transact_write_items(TransactItems=[])
    client.transact_write_items(TransactItems=[])
    client.transact_write_items(TransactItems=[], ClientRequestToken="mine")
    first, second, given = (body["ClientRequestToken"] for _, body in endpoint.asked)
    assert len({first, second, "mine"}) == 3
    assert given == "mine"


def test_a_transaction_keeps_its_token_when_it_is_sent_again(endpoint: Endpoint) -> None:
    endpoint.answers = [(500, b""), (200, b"{}")]
    wire.connect(PATIENT).transact_write_items(TransactItems=[])
    first, second = (body["ClientRequestToken"] for _, body in endpoint.asked)
    assert first == second


def test_a_refusal_is_botocores_with_what_stands_there(endpoint: Endpoint) -> None:
    standing = {"pk": {"S": "x"}, "body": {"B": "AAE="}}
    answer = refusal("ConditionalCheckFailedException", message="no", Item=standing)
    endpoint.answers = [(400, answer)]
    with pytest.raises(ClientError) as raised:
        wire.connect(PATIENT).put_item(TableName="t")
    response: Any = raised.value.response
    assert response["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "no"}
    assert response["Item"]["body"] == {"B": b"\x00\x01"}
    assert raised.value.operation_name == "PutItem"
    assert len(endpoint.asked) == 1


def test_a_cancelled_transaction_says_why(endpoint: Endpoint) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"n": {"N": "1"}}}]
    answer = refusal("TransactionCanceledException", CancellationReasons=reasons)
    endpoint.answers = [(400, answer)]
    with pytest.raises(ClientError) as raised:
        wire.connect(PATIENT).transact_write_items(TransactItems=[])
    assert raised.value.response["CancellationReasons"] == reasons


@pytest.mark.parametrize(
    "passing",
    [(400, refusal("ThrottlingException")), (500, b""), (503, b"<html>busy</html>"), HANG_UP],
)
def test_what_may_pass_is_sent_again(endpoint: Endpoint, passing: Answer) -> None:
    endpoint.answers = [passing, passing, (200, b'{"Attributes":{"n":{"N":"2"}}}')]
    assert wire.connect(PATIENT).update_item(TableName="t") == {"Attributes": {"n": {"N": "2"}}}
    assert len({json.dumps(body) for _, body in endpoint.asked}) == 1
    assert len(endpoint.asked) == 3


def test_three_attempts_are_the_most(endpoint: Endpoint) -> None:
    endpoint.answers = [(503, b"<html>busy</html>")]
    with pytest.raises(ClientError) as raised:
        wire.connect(PATIENT).update_item(TableName="t")
    assert raised.value.response["Error"]["Code"] == "503"
    assert len(endpoint.asked) == 3


def test_connections_that_break_are_an_error_of_botocore(endpoint: Endpoint) -> None:
    endpoint.answers = [HANG_UP]
    with pytest.raises(ConnectionClosedError):
        wire.connect(PATIENT).update_item(TableName="t")


def test_silence_is_an_error_of_botocore(endpoint: Endpoint, monkeypatch: Any) -> None:
    monkeypatch.setattr(aws_json, "_PAUSES", ())
    endpoint.answers = [SILENCE]
    with pytest.raises(ReadTimeoutError):
        wire.connect(Timeouts(connect=5, read=0.05)).update_item(TableName="t")


@pytest.mark.usefixtures("_role")
def test_a_closed_port_is_an_error_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(EndpointConnectionError):
            wire.connect(PATIENT).update_item(TableName="t")


@pytest.mark.parametrize("garbled", [b"", b'{"Responses":', b"[1]", b"<html></html>"])
def test_an_answer_that_cannot_be_read_is_an_error_of_botocore(
    endpoint: Endpoint, garbled: bytes
) -> None:
    endpoint.answers = [(200, garbled)]
    with pytest.raises(BotoCoreError):
        wire.connect(PATIENT).batch_get_item(RequestItems={})


def test_a_redirect_is_not_followed(endpoint: Endpoint) -> None:
    endpoint.answers = [(307, b"")]
    with pytest.raises(ClientError) as raised:
        wire.connect(PATIENT).batch_get_item(RequestItems={})
    assert raised.value.response["Error"]["Code"] == "307"


def test_without_credentials_nothing_is_sent(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "get_credentials", lambda _: None)
    with pytest.raises(NoCredentialsError):
        wire.connect(PATIENT).batch_get_item(RequestItems={})
    assert endpoint.asked == []


def test_without_a_region_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(NoRegionError):
        wire.connect(PATIENT)


@pytest.mark.parametrize("service", ["dynamodb", "secretsmanager"])
@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1"])
def test_on_aws_a_service_is_asked_where_botocore_would_ask(
    monkeypatch: pytest.MonkeyPatch, service: str, region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    access = aws_json.access(aws_json.Service(service, "T", "1.0"))
    theirs = aws.client(service, Config()).meta.endpoint_url
    assert access.url == f"{theirs}/"


def test_secrets_are_read_in_the_same_protocol(endpoint: Endpoint) -> None:
    endpoint.answers = [(200, b'{"SecretString":"sk-1"}')]
    secrets = provider_keys.connect(PATIENT)
    assert secrets.get_secret_value(SecretId="arn:1") == {"SecretString": "sk-1"}
    [(headers, body)] = endpoint.asked
    assert body == {"SecretId": "arn:1"}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert "/eu-west-1/secretsmanager/aws4_request" in headers["authorization"]
