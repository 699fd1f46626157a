"""What a deferred call asks, as it is kept until a provider is asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from shared.catalog import Catalog, Model
from shared.domain.crossing import FORMATS, Crossing, crossing
from shared.domain.doors import DOORS
from shared.domain.entries import Door
from shared.domain.formats import Format
from shared.usecases.calls import Call, ModelRequest
from shared.usecases.wire_body import WireBody, wire_body

BODY: Final = "body"
"""The name of a job's body among its contents."""


def answer_name(attempt: int) -> str:
    """Return the name of an attempt's answer among a job's contents."""
    return f"answer-{attempt}"


class _Kept(msgspec.Struct):
    door: Door
    body: dict[str, Any]
    max_cost_nano: int | None = None


@dataclass(frozen=True)
class Asked:
    """A kept call, read and checked again."""

    door: Door
    format: Format
    body: dict[str, Any]
    request: ModelRequest
    max_cost_nano: int | None = None


_decode: Final = msgspec.json.Decoder(_Kept).decode


def kept(call: Call) -> bytes:
    """Return what is kept of a call."""
    return msgspec.json.encode(_Kept(call.door, call.body, call.controls.max_cost_nano))


def asked_in(content: bytes) -> Asked:
    """Read what was kept; raises ``InvalidRequest`` where it is no request any more."""
    found = _decode(content)
    door = DOORS[found.door]
    request = door.parse(found.body)
    return Asked(found.door, door.format, found.body, request, found.max_cost_nano)


def asked_of(call: Call) -> Asked:
    """Return the same of a call that has just been made."""
    return Asked(call.door, call.format, call.body, call.request, call.controls.max_cost_nano)


class Wires:
    """Puts kept calls into the words of the provider that is to answer them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def way(self, asked: Asked, model: Model) -> Crossing:
        """Return the way between the call's door and a model's provider."""
        provider = self._catalog.providers[model.provider]
        return crossing(asked.format.name, FORMATS[provider.wire_format].name)

    def body(self, asked: Asked, model: Model, team: str, *, alike: int = 0) -> WireBody:
        """Return the request as the provider takes it; raises ``InvalidRequest``.

        Batches do not stream: https://platform.openai.com/docs/guides/batch.
        """
        unstreamed = {k: v for k, v in asked.body.items() if k not in {"stream", "stream_options"}}
        asked = replace(asked, body=unstreamed)
        return wire_body(
            asked.body,
            model,
            self._catalog.providers[model.provider],
            self.way(asked, model),
            team=team,
            output_limit=asked.request.output_limit,
            choices=asked.request.choices,
            alike=alike,
        )


def prefix_of(team: str, asked: Asked) -> str:
    """Name the stable start of a prompt: its tools and its instructions; tenant first."""
    body = asked.body
    instructing = [
        message
        for message in body.get("messages", ())
        if isinstance(message, dict) and message.get("role") in {"system", "developer"}
    ]
    start = [body.get("tools"), body.get("system"), instructing]
    digest = hashlib.sha256(team.encode() + b"\0" + msgspec.json.encode(start))
    return digest.hexdigest()[:16]
