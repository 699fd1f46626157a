"""Teams' own webhooks: where each is told of its batches, signed with its own secret.

They stand in the secret of the webhooks (:mod:`shared.adapters.webhooks`)::

    {…, "teams": {"search": {"url": "https://…", "signing_secret": "whsec_…"}}}

Headers and signature are those of Standard Webhooks, which OpenAI's SDK checks: ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, ``v1,`` and the base64 HMAC-SHA256 of both and the
body. Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
import urllib3

from shared.adapters.bounded_http import bounded_http
from shared.adapters.webhooks import BadWebhooks, check_url, post
from shared.clock import Clock
from shared.domain.notices.message import NotTaken

_PREFIX: Final = "whsec_"
_LEAST_BYTES: Final = 24
"""What Standard Webhooks asks of a key ("Signature scheme")."""


class TeamHook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a team is told of its own, and what that is signed with: no other team can forge it."""

    url: str
    signing_secret: Annotated[str, msgspec.Meta(pattern=rf"^{_PREFIX}")]

    def __post_init__(self) -> None:
        """Raise ``ValueError``, which does not quote it, for a secret that signs nothing."""
        if len(signing_key(self.signing_secret)) < _LEAST_BYTES:
            raise ValueError(f"`signing_secret` is {_PREFIX} and {_LEAST_BYTES} bytes or more")


class _Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret's value as far as teams go: what is wrong with people's is no concern of theirs.

    A name that is not one of these may be ``teams``, misspelt, so it is an error here too.
    """

    signing_secret: msgspec.Raw = msgspec.Raw()
    webhooks: msgspec.Raw = msgspec.Raw()
    teams: Mapping[str, msgspec.Raw] = {}


Teams = Mapping[str, msgspec.Raw]
"""What stands under each team's name, unread: one that is wrong is no other team's concern."""


def parse_teams(text: str) -> Teams:
    """Read the teams of the secret's value; raises ``BadWebhooks``, which quotes none of it."""
    try:
        return msgspec.json.decode(text, type=_Secret).teams
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadWebhooks(f"the webhooks' secret: {error}") from None


@dataclass(frozen=True)
class TeamWebhooks:
    """Implements :class:`shared.ports.batches.TeamHooks`.

    ``read`` returns the secret as it stands; raises ``BadWebhooks`` where it cannot be read. A URL
    is HTTPS to one of ``hosts``; in the local world, HTTP to this machine and nothing else.
    """

    read: Callable[[], Teams]
    hosts: Collection[str]
    is_local: bool
    clock: Clock
    http: urllib3.PoolManager = field(default_factory=bounded_http)

    def is_told(self, team: str) -> bool:
        """Whether the team has a webhook, for all that is known."""
        try:
            return team in self.read()
        except BadWebhooks:
            return True

    def send(self, team: str, event_id: str, body: bytes) -> None:
        """Post an event once."""
        try:
            hook = self._hook(team)
        except BadWebhooks as error:
            raise NotTaken(str(error), may_have_arrived=False) from None
        timestamp = str(int(self.clock()))
        signed = event_signature(hook.signing_secret, event_id, timestamp, body)
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signed,
        }
        post(self.http, hook.url, body, headers)

    def _hook(self, team: str) -> TeamHook:
        raw = self.read().get(team, msgspec.Raw(b"null"))
        try:
            hook = msgspec.json.decode(raw, type=TeamHook)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise BadWebhooks(f"the webhooks' secret, team {team}: {error}") from None
        check_url(f"the team {team}'s webhook", hook.url, self.hosts, is_local=self.is_local)
        return hook


def event_signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """Return what a receiver compares."""
    content = f"{event_id}.{timestamp}.".encode() + body
    signed = hmac.new(signing_key(secret), content, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def signing_key(secret: str) -> bytes:
    """Return what a secret stands for, as OpenAI's SDK reads it; raises ``ValueError``."""
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError(f"`signing_secret` is {_PREFIX} and base64 with its padding") from None
