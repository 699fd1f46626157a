"""Teams' webhooks: what the stock SDK takes for signed, and where nothing may be posted."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import msgspec
import openai
import pytest
import urllib3
from botocore.exceptions import ClientError

from shared.adapters.bounded_http import bounded_http
from shared.adapters.team_webhooks import TeamWebhooks, parse_teams
from shared.adapters.webhook_secret import SecretHooks
from shared.adapters.webhooks import BadWebhooks, parse_hooks, post
from shared.domain.notices.message import NotTaken

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHERS = "whsec_" + base64.b64encode(b"another team's, no less.").decode()
HOSTS = ("hooks.example.com",)
BODY = b'{"id":"evt_1","object":"event","type":"batch.completed","created_at":1,"data":{"id":"b"}}'


class Receiver(BaseHTTPRequestHandler):
    """Keeps what was posted; ``/moved`` sends elsewhere."""

    posted: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.posted.append((self.path, dict(self.headers), body))
        self.send_response(307 if self.path == "/moved" else 200)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    Receiver.posted.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def hooks_of(*, is_local: bool = True, **teams: Any) -> TeamWebhooks:
    raw = {team: msgspec.Raw(json.dumps(hook).encode()) for team, hook in teams.items()}
    return TeamWebhooks(lambda: raw, HOSTS, is_local, time.time)


def test_the_stock_sdk_checks_and_reads_what_was_posted(receiver: str) -> None:
    team = hooks_of(search={"url": f"{receiver}/in", "signing_secret": SECRET})
    team.send("search", "evt_1", BODY)
    [(path, headers, body)] = Receiver.posted
    assert (path, headers["webhook-id"]) == ("/in", "evt_1")
    with openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9") as client:
        event: Any = client.webhooks.unwrap(body, headers, secret=SECRET)
        assert (event.type, event.data.id) == ("batch.completed", "b")
        for spoilt, secret in ((body, OTHERS), (body + b" ", SECRET)):
            with pytest.raises(openai.InvalidWebhookSignatureError):
                client.webhooks.unwrap(spoilt, headers, secret=secret)


@pytest.mark.parametrize("length", [24, 25, 26, 32, 64])
def test_a_secret_of_24_bytes_or_more_signs_what_the_stock_sdk_checks(
    length: int, receiver: str
) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(length))).decode()
    hooks_of(search={"url": receiver, "signing_secret": secret}).send("search", "evt_1", BODY)
    [(_, headers, body)] = Receiver.posted
    with openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9") as client:
        client.webhooks.verify_signature(body, headers, secret=secret)


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(25)).decode().rstrip("="),
        "whsec_" + "-_" * 20,
        base64.b64encode(bytes(32)).decode(),
    ],
)
def test_a_secret_that_is_too_short_or_no_base64_is_refused_and_not_quoted(secret: str) -> None:
    team = hooks_of(search={"url": "http://127.0.0.1:9", "signing_secret": secret})
    with pytest.raises(NotTaken, match=r"team search: .*signing_secret") as refused:
        team.send("search", "evt_1", BODY)
    assert secret.removeprefix("whsec_") not in str(refused.value)


def test_no_redirect_is_followed(receiver: str) -> None:
    team = hooks_of(search={"url": f"{receiver}/moved", "signing_secret": SECRET})
    with pytest.raises(NotTaken, match="status 307"):
        team.send("search", "evt_1", BODY)
    assert [path for path, _, _ in Receiver.posted] == ["/moved"]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "https://hooks.example.com:8443/x",
        "https://user@hooks.example.com/x",
        "https://hooks.example.com.evil.example/x",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_nothing_is_posted_to_a_url_that_is_not_allowed(url: str) -> None:
    team = hooks_of(is_local=False, search={"url": url, "signing_secret": SECRET})
    with pytest.raises(NotTaken, match=r"https to hooks\.example\.com") as refused:
        team.send("search", "evt_1", BODY)
    assert url not in str(refused.value)


@pytest.mark.parametrize(
    "hook",
    [
        {"url": "https://hooks.example.com/x"},
        {"url": "https://hooks.example.com/x", "signing_secret": "whsec_short"},
        {"url": "https://hooks.example.com/x", "signing_secret": SECRET, "more": 1},
        "https://hooks.example.com/x",
    ],
)
def test_what_is_wrong_with_one_teams_is_no_others_concern(hook: Any, receiver: str) -> None:
    good = {"url": receiver, "signing_secret": SECRET}
    text = json.dumps({"signing_secret": "s" * 16, "webhooks": [], "teams": {"a": hook, "b": good}})
    teams = TeamWebhooks(lambda: parse_teams(text), HOSTS, True, time.time)
    with pytest.raises(NotTaken, match="team a"):
        teams.send("a", "evt_1", BODY)
    teams.send("b", "evt_1", BODY)
    assert len(Receiver.posted) == 1


@pytest.mark.parametrize(
    "people", [[{"name": "chat", "url": "https://evil.example"}], [{"nome": "chat"}], "none"]
)
def test_what_is_wrong_with_peoples_silences_no_team_and_the_reverse(
    people: Any, receiver: str
) -> None:
    good = {"search": {"url": receiver, "signing_secret": SECRET}}
    text = json.dumps({"signing_secret": "s" * 16, "webhooks": people, "teams": good})
    with pytest.raises(BadWebhooks):
        parse_hooks(text, HOSTS, is_local=False)
    TeamWebhooks(lambda: parse_teams(text), HOSTS, True, time.time).send("search", "evt_1", BODY)
    assert len(Receiver.posted) == 1
    wrong = json.dumps({"signing_secret": "s" * 16, "webhooks": [], "teams": ["search"]})
    assert parse_hooks(wrong, HOSTS, is_local=False).webhooks == ()


def test_teams_that_are_misspelt_are_not_taken_for_none() -> None:
    with pytest.raises(BadWebhooks, match="team`"):
        parse_teams('{"signing_secret": "0123456789abcdef", "webhooks": [], "team": {}}')


class Dripping(BaseHTTPRequestHandler):
    """Begins an answer, and sends the rest of it byte by byte."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with contextlib.suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nx-drip: " + b"." * 80 + b"\r\n\r\n":
                self.wfile.write(bytes([byte]))
                time.sleep(0.02)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_receiver_that_drips_holds_nobody_for_longer_than_an_answer_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.adapters.webhooks._TIMEOUT", urllib3.Timeout(connect=2, read=0.5))
    with HTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.handle_request).start()
        with pytest.raises(NotTaken, match="ReadTimeoutError") as refused:
            post(bounded_http(), f"http://127.0.0.1:{server.server_port}", BODY, {})
    assert refused.value.may_have_arrived


class Secrets:
    """A client whose secret may be away."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_away = False

    def get_secret_value(self, **asked: Any) -> dict[str, str]:
        assert asked == {"SecretId": "arn"}
        self.reads += 1
        if self.is_away:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")
        return {"SecretString": '{"signing_secret": "0123456789abcdef", "webhooks": []}'}


def test_the_secret_is_read_once_a_minute_and_one_that_is_away_forgets_no_team() -> None:
    client, now = Secrets(), [0.0]
    secret = SecretHooks(client, "arn", parse_teams, lambda: now[0])
    for _ in range(3):
        assert secret.read() == {}
    now[0] = 60.0
    client.is_away = True
    with pytest.raises(BadWebhooks, match="AccessDeniedException"):
        secret.read()
    assert client.reads == 2
    team = TeamWebhooks(secret.read, HOSTS, True, lambda: now[0])
    assert team.is_told("search")
    with pytest.raises(NotTaken, match="cannot be read"):
        team.send("search", "evt_1", BODY)
