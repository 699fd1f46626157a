"""Calls: records whose request is checked and whose tokens are known, or estimated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared.domain.chat import ChatRequest
from shared.domain.completion import MalformedAnswer
from shared.domain.completion import is_cacheable as completion_is_cacheable
from shared.domain.controls import CacheMode, Controls, read_controls
from shared.domain.doors import DOORS
from shared.domain.errors import InvalidRequest
from shared.domain.formats import UsageDialect
from shared.domain.message_stream import message_is_cacheable
from shared.domain.messages import MessagesRequest
from shared.domain.prices import TokenCounts
from shared.domain.replay.estimate import MESSAGE_TOKENS, text_tokens, value_tokens
from shared.domain.replay.reading import BadLine, Body, Door, Record
from shared.domain.usage import MalformedUsage, anthropic_usage, openai_usage

Source = Literal["usage", "text", "assumed"]
"""Where the output tokens are known from: the provider, the answer's text, an assumption."""


@dataclass(frozen=True)
class Counted:
    """The tokens of a call; ``is_billed`` says that they are the provider's own."""

    tokens: TokenCounts
    is_billed: bool
    output: Source


@dataclass(frozen=True)
class LoggedCall:
    """One call of the log, ready to be replayed.

    ``request`` is None where the gateway would refuse the request, for ``refusal``.
    ``is_whole`` says that the answer may be cached. Times are aware, latency is in seconds.
    """

    line: int
    at: datetime
    door: Door
    tenant: str
    body: Body
    request: ChatRequest | MessagesRequest | None
    refusal: str | None
    model: str
    counted: Counted
    cache: CacheMode
    task: str | None
    label: str
    may_wait: bool
    is_whole: bool
    latency: float


@dataclass(frozen=True)
class Prepared:
    """A request as the gateway would read it."""

    body: Body
    request: ChatRequest | MessagesRequest | None
    refusal: str | None
    controls: Controls


def prepared(record: Record, model: str) -> Prepared:
    """Check a record's request against the gateway's schema; a refusal is a finding, no error."""
    steering = record.body.get("sluice")
    body = {k: v for k, v in record.body.items() if k not in {"sluice", "prompt"}}
    body["model"] = model
    controls = Controls()
    try:
        controls = read_controls({}, _without_deadline(steering))
        return Prepared(body, DOORS[record.door].parse(body), None, controls)
    except InvalidRequest as refusal:
        return Prepared(body, None, f"{refusal.param}: {refusal.message}", controls)


def may_wait(record: Record) -> bool:
    """Whether the line itself says that its call may be deferred."""
    steering = record.body.get("sluice")
    return record.may_wait or (isinstance(steering, dict) and "deadline" in steering)


def counted(record: Record, dialect: UsageDialect, assumed_output: int) -> Counted:
    """Return the tokens of a call from its usage, else from its texts.

    Raises :class:`BadLine` for usage that is not what a provider gives.
    """
    if record.usage is None:
        return _estimated(record, assumed_output)
    try:
        return Counted(_billed(record.usage, dialect), is_billed=True, output="usage")
    except MalformedUsage as error:
        raise BadLine(f"usage: {error}") from None


def is_whole(record: Record) -> bool:
    """Tell whether the answer may be stored; one that was not logged is taken as whole."""
    if record.response is None:
        return True
    names = ("choices",) if record.door == "chat" else ("content", "stop_reason")
    if not all(name in record.response for name in names):
        return True
    try:
        if record.door == "messages":
            return message_is_cacheable(record.response)
        choices = record.response["choices"]
        return isinstance(choices, list) and completion_is_cacheable(record.response, len(choices))
    except MalformedAnswer:
        return False


def prompt_value(body: Body) -> list[Any]:
    """Return what of a request becomes prompt tokens."""
    return [body.get(name) for name in ("tools", "functions", "system", "messages")]


def _without_deadline(steering: object) -> object:
    if not isinstance(steering, dict):
        return steering
    return {name: value for name, value in steering.items() if name != "deadline"}


def _billed(usage: object, dialect: UsageDialect) -> TokenCounts:
    if isinstance(usage, dict) and "input_tokens" in usage:
        return anthropic_usage(usage)
    # Claude behind an OpenAI-compatible door counts as OpenAI does.
    name = "openai" if dialect.name in {"anthropic", "bedrock"} else dialect.name
    return openai_usage(usage, reasoning=dialect.reasoning, dialect=name)


def _estimated(record: Record, assumed_output: int) -> Counted:
    prompt = value_tokens(prompt_value(record.body))
    prompt += MESSAGE_TOKENS * len(record.body["messages"])
    said = _answer_text(record.response)
    if said:
        return Counted(TokenCounts(input=prompt, output=text_tokens(said)), False, "text")
    limit = record.body.get("max_completion_tokens") or record.body.get("max_tokens")
    output = min(assumed_output, limit) if type(limit) is int and limit > 0 else assumed_output
    return Counted(TokenCounts(input=prompt, output=output), is_billed=False, output="assumed")


def _answer_text(response: Body | None) -> str:
    """Return what was answered, of a completion or a message, as far as it is text."""
    if response is None:
        return ""
    choices = response.get("choices")
    if isinstance(choices, list):
        messages = [c.get("message") for c in choices if isinstance(c, dict)]
        return "\n".join(_texts(m.get("content")) for m in messages if isinstance(m, dict))
    return _texts(response.get("content"))


def _texts(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
