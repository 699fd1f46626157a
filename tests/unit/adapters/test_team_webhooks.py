"""Teams' webhooks: what the stock SDK takes for signed, and where nothing may be posted."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import msgspec
import openai
import pytest
from botocore.exceptions import ClientError

from shared.adapters.team_webhooks import TeamWebhooks
from shared.adapters.webhook_secret import SecretHooks
from shared.adapters.webhooks import BadWebhooks, Hooks, parse_hooks
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
    hooks = Hooks("s" * 16, (), raw)
    return TeamWebhooks(lambda: hooks, HOSTS, is_local, time.time)


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
    read = parse_hooks(text, HOSTS, is_local=True)
    teams = TeamWebhooks(lambda: read, HOSTS, True, time.time)
    with pytest.raises(NotTaken, match="team a"):
        teams.send("a", "evt_1", BODY)
    teams.send("b", "evt_1", BODY)
    assert len(Receiver.posted) == 1


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
    secret = SecretHooks(
        client, "arn", lambda text: parse_hooks(text, HOSTS, is_local=True), lambda: now[0]
    )
    for _ in range(3):
        assert secret.read().teams == {}
    now[0] = 60.0
    client.is_away = True
    with pytest.raises(BadWebhooks, match="AccessDeniedException"):
        secret.read()
    assert client.reads == 2
    team = TeamWebhooks(secret.read, HOSTS, True, lambda: now[0])
    assert team.is_told("search")
    with pytest.raises(NotTaken, match="cannot be read"):
        team.send("search", "evt_1", BODY)
