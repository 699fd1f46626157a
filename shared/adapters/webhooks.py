"""Webhooks: a message as JSON to a URL that only a secret knows, signed.

The secret's value is JSON::

    {"signing_secret": "…", "webhooks": [{"name": "chat", "url": "https://hooks.slack.com/…"}]}

The body has ``text``, which is all that a chat's incoming webhook wants, and the same as facts.
``teams``, which may be left out, are of :mod:`shared.adapters.team_webhooks`.
Headers: ``x-sluice-message-id`` (a repeat has the same), ``x-sluice-timestamp`` (epoch seconds)
and ``x-sluice-signature``: ``v1=`` and the hex HMAC-SHA256, under the signing secret, of the
timestamp, a full stop and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
import urllib3

from shared.clock import Clock
from shared.domain.notices.message import Message, NotTaken

_TIMEOUT: Final = urllib3.Timeout(connect=2, read=5)
"""``read`` is for an answer as a whole (:mod:`shared.adapters.bounded_http`)."""
_NEVER_SENT: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
)
_OUR_HEADERS: Final = {"content-type": "application/json", "user-agent": "sluice"}
_LOOPBACK: Final = {"127.0.0.1", "::1"}
_MOST_WEBHOOKS: Final = 10
"""All of them together must end within a message's lease."""

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}\Z")]


class BadWebhooks(ValueError):
    """The secret's value makes no sense; the text names the field and quotes nothing."""


class Hook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One webhook: what it is called in the records, and where it is."""

    name: _Name
    url: str


class Hooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret's value."""

    signing_secret: Annotated[str, msgspec.Meta(min_length=16)]
    webhooks: Annotated[tuple[Hook, ...], msgspec.Meta(max_length=_MOST_WEBHOOKS)]
    teams: msgspec.Raw = msgspec.Raw()
    """Not read here: what is wrong with teams' is no concern of on-call's."""


def parse_hooks(text: str, hosts: Collection[str], *, is_local: bool) -> Hooks:
    """Read the secret's value; raises :class:`BadWebhooks`, which quotes none of it.

    A URL is HTTPS to one of the hosts; in the local world, HTTP to this machine and nothing else.
    """
    try:
        hooks = msgspec.json.decode(text, type=Hooks)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadWebhooks(f"the webhooks' secret: {error}") from None
    if len({hook.name for hook in hooks.webhooks}) != len(hooks.webhooks):
        raise BadWebhooks("the webhooks' secret names one twice")
    for hook in hooks.webhooks:
        check_url(f"the webhook {hook.name}", hook.url, hosts, is_local=is_local)
    return hooks


def check_url(whose: str, url: str, hosts: Collection[str], *, is_local: bool) -> None:
    """Raise :class:`BadWebhooks` for a URL that nothing may be posted to."""
    if not _is_allowed(url, hosts, is_local=is_local):
        where = "http to this machine" if is_local else f"https to {', '.join(sorted(hosts))}"
        raise BadWebhooks(f"the URL of {whose} is not {where}")


def _is_allowed(url: str, hosts: Collection[str], *, is_local: bool) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.username or parts.password:
        return False
    if is_local:
        return parts.scheme == "http" and parts.hostname in _LOOPBACK
    return parts.scheme == "https" and parts.hostname in hosts and port in {None, 443}


@dataclass(frozen=True)
class Webhook:
    """Implements :class:`shared.ports.notices.Channel` on one URL."""

    hook: Hook
    signing_secret: str
    clock: Clock
    http: urllib3.PoolManager

    @property
    def name(self) -> str:
        """``webhook:`` and its name."""
        return f"webhook:{self.hook.name}"

    def send(self, message: Message, *, is_repeat: bool) -> None:
        """Post it once: no retry, no redirect; whatever the answer's body says is not read."""
        body = json.dumps(_body(message, is_repeat=is_repeat)).encode()
        post(self.http, self.hook.url, body, self._headers(message, body))

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        timestamp = str(int(self.clock()))
        return {
            "x-sluice-message-id": message.message_id,
            "x-sluice-timestamp": timestamp,
            "x-sluice-signature": signature(self.signing_secret, timestamp, body),
        }


def post(http: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post JSON once: no retry, no redirect; whatever the answer's body says is not read.

    Raises :class:`NotTaken`, whose text has neither the URL nor anything of the answer.
    """
    try:
        reply = http.request(
            "POST",
            url,
            body=body,
            headers={**_OUR_HEADERS, **headers},
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
            preload_content=False,
        )
    except urllib3.exceptions.HTTPError as error:
        # Its text has the URL, which is the secret.
        may_have_arrived = not isinstance(error, _NEVER_SENT)
        raise NotTaken(type(error).__name__, may_have_arrived=may_have_arrived) from None
    # Not kept for another: what is left of its answer would have to be read first.
    reply.close()
    if not 200 <= reply.status < 300:
        raise NotTaken(f"status {reply.status}", may_have_arrived=reply.status >= 500)


@dataclass(frozen=True)
class Unreadable:
    """Stands for webhooks whose secret cannot be read: what they miss is not forgotten."""

    reason: str
    name: str = "webhooks"

    def send(self, message: Message, *, is_repeat: bool) -> None:
        """Say why nothing is sent."""
        raise NotTaken(self.reason, may_have_arrived=False)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what a receiver compares: version and hex HMAC-SHA256."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def _body(message: Message, *, is_repeat: bool) -> dict[str, Any]:
    return {
        "text": f"*{message.subject}*\n{message.text}",
        "message_id": message.message_id,
        "repeat": is_repeat,
        "sent_for": message.at,
        **message.facts,
    }
