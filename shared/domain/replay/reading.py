"""Reads one line of a request log: OpenAI chat or Anthropic messages, in the usual wrappings.

A line is a JSON object. The request stands in it as it was sent, or under one of
:data:`_REQUESTS`; what was answered under one of :data:`_RESPONSES`. Either may be wrapped once
more in ``body``, as in OpenAI's batch files, or be JSON text. A line with only a ``prompt`` is one
user message. What is no such line raises :class:`BadLine`, which says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from shared.domain.chat import REFUSED as REFUSED_CHAT
from shared.domain.chat import ChatRequest
from shared.domain.messages.refusals import REFUSED as REFUSED_MESSAGES
from shared.domain.messages.request import MessagesRequest

Body = dict[str, Any]
Door = Literal["chat", "messages"]

MAX_LINE_CHARACTERS: Final = 20_000_000
MAX_DEPTH: Final = 64
_REQUESTS: Final = ("request", "request_body", "requestBody", "kwargs", "body", "params")
_RESPONSES: Final = ("response", "response_body", "responseBody", "completion", "output")
_TIMES: Final = (
    "timestamp", "created", "created_at", "time", "ts", "start_time", "startTime", "started_at",
)  # fmt: skip
_TENANTS: Final = ("tenant", "team")
_LABELS: Final = ("task", "feature", "group")
_SECONDS: Final = ("latency", "latency_s", "latency_seconds", "duration", "duration_s")
_MILLISECONDS: Final = ("latency_ms", "duration_ms", "response_time_ms")
_LONGEST: Final = 24 * 3_600
"""No call takes longer than a day, in seconds."""
_FAILED_FROM: Final = 400
_MILLISECONDS_FROM: Final = 1e11
"""Epoch seconds reach this in the year 5138: a larger number is milliseconds."""

_FIELDS: Final[dict[Door, frozenset[str]]] = {
    "chat": frozenset(ChatRequest.__struct_fields__) | REFUSED_CHAT.keys() | {"sluice"},
    "messages": frozenset(MessagesRequest.__struct_fields__) | set(REFUSED_MESSAGES) | {"sluice"},
}


class BadLine(ValueError):
    """A line that cannot be replayed, and why."""


@dataclass(frozen=True)
class Record:
    """One line, taken apart; ``usage`` and ``response`` are as they were logged.

    ``failed`` says that the provider refused the call, so that it cost nothing. ``latency`` is
    in seconds. ``task`` steers the router; ``label`` is what reports group by.
    """

    line: int
    door: Door
    body: Body
    response: Body | None
    usage: object
    at: datetime | None
    tenant: str
    latency: float | None
    failed: bool
    task: str | None
    label: str
    may_wait: bool


def read_line(number: int, text: str, *, tenant_field: str | None = None) -> Record:
    """Return the record of a line; raises :class:`BadLine`."""
    row = _decoded(text)
    response = _wrapped(row, _RESPONSES) or _plain_answer(row)
    inner = _wrapped(row, _REQUESTS)
    body = row if inner is None else inner
    door = _door(row, body, response)
    if "messages" not in body and isinstance(body.get("prompt"), str):
        body = {**body, "messages": [{"role": "user", "content": body["prompt"]}]}
    if not isinstance(body.get("messages"), list):
        raise BadLine("no messages")
    places = (row, body, response or {})
    return Record(
        line=number,
        door=door,
        body=_request_fields(body, door) if inner is None else body,
        response=response,
        usage=_usage(row, response),
        at=_time(row, body, response),
        tenant=_tenant(places, tenant_field),
        latency=_latency(row),
        failed=_failed(row, response),
        task=_text(row.get("task")),
        label=_label(row),
        may_wait=row.get("may_wait") is True,
    )


def _decoded(text: str) -> Body:
    if len(text) > MAX_LINE_CHARACTERS:
        raise BadLine(f"longer than {MAX_LINE_CHARACTERS} characters")
    try:
        row = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        raise BadLine("not valid JSON") from None
    except RecursionError:
        raise BadLine("nested too deep") from None
    if not isinstance(row, dict):
        raise BadLine("not a JSON object")
    if _is_deeper_than(row, MAX_DEPTH):
        raise BadLine("nested too deep")
    return row


def _is_deeper_than(row: Body, limit: int) -> bool:
    level: list[Any] = [row]
    for _ in range(limit):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value
    return [child for child in children if isinstance(child, dict | list)]


def _wrapped(row: Body, names: tuple[str, ...]) -> Body | None:
    for name in names:
        found = _object(row.get(name))
        if found is not None:
            return _object(found.get("body")) or found
    return None


def _plain_answer(row: Body) -> Body | None:
    """Return an answer that was logged as nothing but its text, or None."""
    texts = (row.get(name) for name in _RESPONSES)
    found = next((text for text in texts if isinstance(text, str) and text), None)
    return None if found is None else {"content": found}


def _object(value: object) -> Body | None:
    """Return an object, also one that a logger has kept as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _request_fields(body: Body, door: Door) -> Body:
    """Return the request's own fields of a line in which the log's stand beside them."""
    return {name: value for name, value in body.items() if name in _FIELDS[door]}


def _door(row: Body, body: Body, response: Body | None) -> Door:
    said = (response or {}).get("type") == "message" or "system" in body
    url = str(row.get("url") or row.get("endpoint") or row.get("path") or "")
    counted = "input_tokens" in (_object(_usage(row, response)) or {})
    return "messages" if said or counted or url.endswith("/messages") else "chat"


def _usage(row: Body, response: Body | None) -> object:
    for holder in (response or {}, row):
        if holder.get("usage") is not None:
            return holder["usage"]
    return None


def _time(row: Body, body: Body, response: Body | None) -> datetime | None:
    for holder in (row, body, response or {}):
        for name in _TIMES:
            if holder.get(name) is not None:
                return _moment(name, holder[name])
    return None


def _moment(name: str, value: object) -> datetime:
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        seconds = float(value)  # type: ignore[arg-type]
        return datetime.fromtimestamp(
            seconds / 1_000 if seconds >= _MILLISECONDS_FROM else seconds, UTC
        )
    except (ValueError, TypeError, OverflowError, OSError):
        raise BadLine(f"{name} is no time") from None


def _tenant(places: tuple[Body, ...], field: str | None) -> str:
    for name in _TENANTS if field is None else (field,):
        for holder in places:
            if isinstance(holder.get(name), str | int):
                return str(holder[name])
    return ""


def _latency(row: Body) -> float | None:
    for names, divisor in ((_SECONDS, 1), (_MILLISECONDS, 1_000)):
        for name in names:
            value = row.get(name)
            if isinstance(value, int | float) and 0 <= value <= _LONGEST * divisor:
                return float(value) / divisor
    return None


def _failed(row: Body, response: Body | None) -> bool:
    error = row.get("error") or (response or {}).get("error")
    status = row.get("status_code", row.get("status"))
    return bool(error) or (type(status) is int and status >= _FAILED_FROM)


def _label(row: Body) -> str:
    return next((found for name in _LABELS if (found := _text(row.get(name)))), "")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
