"""What Converse answers, as an Anthropic message.

Everything read is checked: botocore hands a response over as it came.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from shared.domain.completion import MalformedAnswer
from shared.domain.translation.ids import tool_id
from shared.domain.usage import MalformedUsage, anthropic_usage

Json = dict[str, Any]

STOP_REASONS: Final = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "content_filtered": "refusal",
    "guardrail_intervened": "refusal",
}
"""Converse's stop reasons in Anthropic's terms; the others it has name a broken answer."""

_NO_COUNT: Final = -1
"""Stands where a count should: an integer, as SDKs demand, and none that money would trust."""

UNKNOWN_USAGE: Final = {"input_tokens": _NO_COUNT, "output_tokens": _NO_COUNT}
"""The usage of an answer that came without one that can be read; it is settled by estimate."""


class _Shape(msgspec.Struct, rename="camel"):
    pass


class ToolUse(_Shape):
    """A call of a tool."""

    tool_use_id: str
    name: str
    input: dict[str, Any]


class ReasoningText(_Shape):
    """Thinking in words."""

    text: str
    signature: str = ""


class Reasoning(_Shape):
    """Thinking, in words or for the provider's eyes only."""

    reasoning_text: ReasoningText | None = None
    redacted_content: bytes | None = None


class Block(_Shape):
    """One block of the answer: exactly one member is set."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: Reasoning | None = None


class Message(_Shape):
    """What the model said."""

    content: list[Block]


class Output(_Shape):
    """Holds the message."""

    message: Message


class Answer(_Shape):
    """A whole answer."""

    output: Output
    stop_reason: str
    usage: Any = None
    additional_model_response_fields: Any = None


def to_message(response: Json, *, identity: str, model: str, long_writes: bool) -> Json:
    """Return the message that a response of ``Converse`` says.

    ``long_writes`` tells whether the request asked for cache entries of more than five minutes.
    Raises ``MalformedAnswer``.
    """
    try:
        answer = msgspec.convert(response, Answer)
    except msgspec.ValidationError as error:
        raise MalformedAnswer(f"an answer out of shape ({error})") from None
    return {
        **opening(identity, model),
        "content": [_block(block) for block in answer.output.message.content],
        **ending(answer.stop_reason, answer.additional_model_response_fields),
        "usage": messages_usage(answer.usage, long_writes=long_writes),
    }


def opening(identity: str, model: str) -> Json:
    """Return the fields of a message that are known before its first word."""
    return {"id": f"msg_{identity}", "type": "message", "role": "assistant", "model": model}


def ending(stop: str, extra: object) -> Json:
    """Return why the answer ended; raises ``MalformedAnswer`` for a reason that makes it none."""
    if stop not in STOP_REASONS:
        raise MalformedAnswer(f"an answer that ended with {stop[:40]}")
    met = extra.get("stop_sequence") if isinstance(extra, dict) else None
    return {
        "stop_reason": STOP_REASONS[stop],
        "stop_sequence": met if isinstance(met, str) else None,
        "stop_details": None,
    }


def messages_usage(usage: object, *, long_writes: bool) -> Json:
    """Return usage in Anthropic's fields, or :data:`UNKNOWN_USAGE` where it cannot be read.

    Both leave out of the input tokens what a cache read or wrote. Where Bedrock does not say how
    long its writes last, they are counted as the dearest kind that was asked for.
    """
    if not isinstance(usage, dict):
        return UNKNOWN_USAGE
    written = usage.get("cacheWriteInputTokens", 0)
    made = {
        "input_tokens": usage.get("inputTokens"),
        "cache_read_input_tokens": usage.get("cacheReadInputTokens", 0),
        "cache_creation_input_tokens": written,
        "cache_creation": _writes(usage.get("cacheDetails"), written, long_writes),
        "output_tokens": usage.get("outputTokens"),
    }
    try:
        anthropic_usage(made)
    except MalformedUsage:
        return UNKNOWN_USAGE
    return made


def redacted(data: bytes) -> Json:
    """Return the block of thinking that only the provider can read."""
    return {"type": "redacted_thinking", "data": base64.b64encode(data).decode()}


def _writes(details: object, written: object, long_writes: bool) -> Json:
    counts: Json = {"5m": 0, "1h": 0}
    if details is None:
        counts["1h" if long_writes else "5m"] = written
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            counts[str(detail.get("ttl"))] = detail.get("inputTokens")
    return {"ephemeral_5m_input_tokens": counts["5m"], "ephemeral_1h_input_tokens": counts["1h"]}


def _block(block: Block) -> Json:
    if block.text is not None:
        return {"type": "text", "text": block.text}
    if block.tool_use is not None:
        call = block.tool_use
        identity = tool_id(call.tool_use_id)
        return {"type": "tool_use", "id": identity, "name": call.name, "input": call.input}
    return _thinking(block.reasoning_content or Reasoning())


def _thinking(held: Reasoning) -> Json:
    if held.reasoning_text is not None:
        said = held.reasoning_text
        return {"type": "thinking", "thinking": said.text, "signature": said.signature}
    if held.redacted_content is not None:
        return redacted(held.redacted_content)
    raise MalformedAnswer("a content block of an unknown kind")
