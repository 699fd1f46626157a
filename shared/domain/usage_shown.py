"""Usage as a caller may see it: what a provider reported, unless no SDK could read it.

The ledger reads the provider's own; see :mod:`shared.domain.usage`.
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.usage import MalformedUsage, anthropic_usage, openai_usage

Json = dict[str, Any]

_NO_TOKENS: Final = {
    "input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 0,
}


def shown_chat(answer: Json) -> Json:
    """Return a completion or a chunk, without usage that cannot be read: the field may be null."""
    usage = answer.get("usage")
    if usage is None or _is_openai(usage):
        return answer
    return {**answer, "usage": None}


def shown_message(answer: Json) -> Json:
    """Return a message or an event; usage that cannot be read becomes zeros.

    A message must carry counts, and so must the events that open and end one.
    """
    if answer.get("type") == "message_start" and isinstance(answer.get("message"), dict):
        message = shown_message(answer["message"])
        return answer if message is answer["message"] else {**answer, "message": message}
    if "usage" not in answer or _is_anthropic(answer["usage"]):
        return answer
    return {**answer, "usage": _NO_TOKENS}


def _is_openai(usage: object) -> bool:
    try:
        openai_usage(usage, reasoning="inside")
    except MalformedUsage:
        return False
    return True


def _is_anthropic(usage: object) -> bool:
    """Tell whether usage can be read; the event that ends a message may leave counts out."""
    if not isinstance(usage, dict):
        return False
    stated = {name: count for name, count in usage.items() if count is not None}
    try:
        anthropic_usage({"input_tokens": 0, "output_tokens": 0, **stated})
    except MalformedUsage:
        return False
    return True
