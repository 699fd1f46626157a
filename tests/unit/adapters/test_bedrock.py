"""Bedrock's adapter on a scripted client: errors, timeouts, and a client made late."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProtocolError

from shared import catalog
from shared.adapters import aws
from shared.adapters.providers.bedrock import BedrockUpstream, connect_to
from shared.adapters.providers.converse_answer import UNKNOWN_USAGE
from shared.domain.errors import GatewayError, UpstreamFailed, UpstreamTimedOut
from shared.domain.translation.untranslatable import Untranslatable
from tests.contracts.test_store import ENTRY
from tests.open_holds import open_hold
from tests.unit.adapters.converse import USAGE, events_of, response
from tests.unit.domain.translatable import Json

HOLD = open_hold(ENTRY)
BEDROCK = catalog.load(["bedrock"]).providers["bedrock"]
BODY: Json = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
EVENTS = list(events_of([{"text": "hello"}], "end_turn", USAGE))


class Stream:
    """The events of a stream, perhaps with an error among them."""

    def __init__(self, *events: Any) -> None:
        self._events = events
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.closed.set()


class Client:
    """Answers as scripted: an error, or a response."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Json] = []

    def converse(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer

    converse_stream = converse


Reply = tuple[int, dict[str, str], bytes]


def send(client: Client, *, seconds: float = 5, **fields: Any) -> Reply:
    async def work() -> Reply:
        upstream = BedrockUpstream(lambda _: client)
        body = json.dumps({**BODY, **fields}).encode()
        async with upstream.post(HOLD, BEDROCK, "/", body, timeout_seconds=seconds) as reply:
            return reply.status, reply.headers, b"".join([part async for part in reply.chunks()])

    return asyncio.run(work())


def failure(client: Client, **fields: Any) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        send(client, **fields)
    return failed.value


def streaming(*events: Any) -> Client:
    return Client({"stream": Stream(*events), "ResponseMetadata": {"RequestId": "r-1"}})


def refused(code: str, status: int, **headers: str) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    told: Any = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": metadata}
    return ClientError(told, "Converse")


def test_an_answer_comes_as_anthropics_json() -> None:
    status, _, body = send(Client(response([{"text": "hello"}])))
    message = json.loads(body)
    assert status == 200
    assert (message["id"], message["model"]) == ("msg_r-1", "m")
    assert message["content"] == [{"type": "text", "text": "hello"}]
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (7, 5)


def test_a_stream_comes_as_anthropics_events() -> None:
    client = streaming(*EVENTS)
    _, _, body = send(client, stream=True)
    names = [line[7:] for line in body.decode().splitlines() if line.startswith("event: ")]
    assert names == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert client.answer["stream"].closed.is_set()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("code", "http", "status", "kind"),
    [
        ("ThrottlingException", 429, 429, "rate_limit_error"),
        ("ModelNotReadyException", 429, 503, "overloaded_error"),
        ("ServiceUnavailableException", 503, 503, "overloaded_error"),
        ("ValidationException", 400, 400, "invalid_request_error"),
        ("AccessDeniedException", 403, 403, "permission_error"),
        ("ExpiredTokenException", 403, 403, "permission_error"),
        ("ResourceNotFoundException", 404, 404, "not_found_error"),
        ("ModelErrorException", 424, 500, "api_error"),
        ("InternalServerException", 500, 500, "api_error"),
    ],
)
def test_an_exception_is_a_status_and_an_error_in_anthropics_shape(
    code: str, http: int, status: int, kind: str, stream: bool
) -> None:
    client = Client(refused(code, http, **{"Retry-After": "7"}))
    told, headers, body = send(client, stream=stream)
    error = {"type": "error", "error": {"type": kind, "message": "said so"}}
    assert (told, json.loads(body), headers) == (status, error, {"retry-after": "7"})
    assert len(client.asked) == 1


def test_a_model_that_took_too_long_may_have_billed() -> None:
    assert isinstance(failure(Client(refused("ModelTimeoutException", 408))), UpstreamTimedOut)


@pytest.mark.parametrize(
    ("error", "may_bill"),
    [
        (EndpointConnectionError(endpoint_url="u"), False),
        (ConnectTimeoutError(endpoint_url="u"), False),
        (NoCredentialsError(), False),
        (HTTPClientError(error="x"), True),
        (ProtocolError("x"), True),
        (AttributeError("'str' object has no attribute 'get'"), True),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_only_a_call_that_was_never_sent_cannot_have_billed(
    error: Exception, may_bill: bool, stream: bool
) -> None:
    failed = failure(Client(error), stream=stream)
    assert isinstance(failed, UpstreamFailed)
    assert failed.may_bill is may_bill


def test_silence_of_the_socket_is_a_timeout() -> None:
    assert isinstance(failure(Client(ReadTimeoutError(endpoint_url="u"))), UpstreamTimedOut)


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_ends_with_its_deadline_whatever_the_library_waits_for(stream: bool) -> None:
    done = threading.Event()
    client = Client(lambda: done.wait(10) and response([]))
    failed = failure(client, seconds=0.05, stream=stream)
    done.set()
    assert isinstance(failed, UpstreamTimedOut)


def test_a_stream_that_is_given_up_is_closed_at_its_next_event() -> None:
    done = threading.Event()

    class Slow(Stream):
        def __iter__(self) -> Iterator[Any]:
            yield EVENTS[0]
            done.wait(10)
            yield EVENTS[1]

    stream = Slow()
    failed = failure(Client({"stream": stream}), seconds=0.05, stream=True)
    done.set()
    assert isinstance(failed, UpstreamTimedOut)
    assert stream.closed.wait(60)


def test_a_stream_that_begins_after_its_reader_has_left_is_closed_too() -> None:
    done, stream = threading.Event(), Stream(*EVENTS)
    client = Client(lambda: done.wait(10) and {"stream": stream})
    failed = failure(client, seconds=0.05, stream=True)
    done.set()
    assert isinstance(failed, UpstreamTimedOut)
    assert stream.closed.wait(60)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("throttlingException", "rate_limit_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("validationException", "invalid_request_error"),
        ("internalServerException", "api_error"),
        ("modelStreamErrorException", "api_error"),
    ],
)
def test_an_exception_in_a_stream_is_an_error_event(code: str, kind: str) -> None:
    told: Any = {"Error": {"Code": code, "Message": "broke"}}
    client = streaming(*EVENTS[:2], EventStreamError(told, "ConverseStream"), *EVENTS[2:])
    _, _, body = send(client, stream=True)
    *_, last = body.decode().strip().split("\n\n")
    error = {"type": "error", "error": {"type": kind, "message": "broke"}}
    assert last == "event: error\ndata: " + json.dumps(error, separators=(",", ":"))
    assert b"message_stop" not in body


@pytest.mark.parametrize(
    "broken",
    [
        EventStreamError({"Error": {"Code": "x", "Message": "broke"}}, "ConverseStream"),
        ProtocolError("reset"),
        HTTPClientError(error="reset"),
    ],
)
def test_what_befalls_the_accounts_takes_nothing_from_the_answer(broken: Exception) -> None:
    [stop] = [place for place, event in enumerate(EVENTS) if "messageStop" in event]
    _, _, body = send(streaming(*EVENTS[: stop + 1], broken), stream=True)
    assert b"event: error" not in body
    *_, delta, last = body.decode().strip().split("\n\n")
    told = json.loads(delta.partition("data: ")[2])
    assert (told["delta"]["stop_reason"], told["usage"]) == ("end_turn", UNKNOWN_USAGE)
    assert last.startswith("event: message_stop")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_out_of_shape_is_the_providers_failure(stream: bool) -> None:
    client = streaming({"messageStop": {}}) if stream else Client({"output": []})
    assert isinstance(failure(client, stream=stream), UpstreamFailed)


def test_what_converse_cannot_carry_is_refused_before_anything_is_sent() -> None:
    client = Client(response([]))
    message = {"role": "system", "content": "x"}
    refused = failure(client, messages=[*BODY["messages"], message])
    assert isinstance(refused, Untranslatable)
    assert client.asked == []


def test_the_client_is_made_for_the_first_call_and_once() -> None:
    made: list[Any] = []

    def connect(provider: Any) -> Client:
        made.append(provider.name)
        return Client(response([{"text": "x"}]))

    upstream = BedrockUpstream(connect)
    assert made == []

    async def call() -> None:
        body = json.dumps(BODY).encode()
        async with upstream.post(HOLD, BEDROCK, "/", body, timeout_seconds=5) as reply:
            assert reply.status == 200

    async def calls() -> None:
        await asyncio.gather(*(call() for _ in range(4)))

    asyncio.run(calls())
    assert made == ["bedrock"]


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a function: its region and its role's credentials."""
    # Other tests may have left a session with another region and other credentials.
    aws.session.cache_clear()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return monkeypatch


def test_calls_go_to_the_catalogs_host_whatever_the_environment_says(
    role: pytest.MonkeyPatch,
) -> None:
    role.setenv("AWS_ENDPOINT_URL", "http://evil.example")
    role.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://evil.example")
    client = connect_to(None)(BEDROCK)
    assert client.meta.endpoint_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert client.meta.config.proxies == {}


@pytest.mark.usefixtures("role")
def test_a_stand_in_takes_bedrocks_place_under_its_name() -> None:
    client = connect_to("http://127.0.0.1:9")(BEDROCK)
    assert client.meta.endpoint_url == "http://127.0.0.1:9/bedrock"


@pytest.mark.parametrize("url", ["http://evil.example", "https://127.0.0.1", "http://10.0.0.1"])
def test_only_this_machine_may_stand_in(url: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        connect_to(url)


STARTED = """
import os
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
from botocore.session import Session
made = []
Session.create_client = lambda self, service, **_: made.append(service)
from shared.settings import RouterSettings
from shared.wiring.router import build_router
build_router(RouterSettings(
    environment="dev", cache_table="c", ledger_table="l", jobs_table="j",
    batches_bucket="b", jobs_queue="q", providers=("openai", "bedrock"),
    provider_secrets={"openai": "arn"}, policy_version="p", baseline_model="gpt-6-astra",
))
print("made:", *sorted(made))
"""


def test_starting_the_router_makes_no_client_of_botocores() -> None:
    command = [sys.executable, "-c", STARTED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["made:"]
