"""What a message of the queue says: whose job or batch is to be looked at, never what is in it."""

from __future__ import annotations

from typing import Final

import msgspec


class _Message(msgspec.Struct, frozen=True):
    team: str
    job: str


_decode: Final = msgspec.json.Decoder(_Message).decode


def message_of(team: str, job: str) -> str:
    """Return the body of a message."""
    return msgspec.json.encode(_Message(team, job)).decode()


def place_in(body: str) -> tuple[str, str]:
    """Return the team and the id that a message names; raises ``msgspec.DecodeError``."""
    message = _decode(body)
    return message.team, message.job
