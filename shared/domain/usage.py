"""Reads what a provider says it billed.

Everything is checked: providers and SDKs hand responses over without validating them, so a
count may arrive as the text ``"ten"``.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from shared.domain.prices import TokenCounts

_MOST_TOKENS: Final = 1_000_000_000


Json = dict[str, Any]


class MalformedUsage(ValueError):
    """Usage that is absent, of wrong types, or does not add up; never trusted with money."""


def openai_usage(
    usage: object, *, reasoning: Literal["inside", "outside"], dialect: str = "openai"
) -> TokenCounts:
    """Return disjoint token counts from an OpenAI ``usage`` object.

    ``prompt_tokens`` holds cached and cache-written tokens; both are subtracted from the input
    class. With ``reasoning="outside"`` (xAI) hidden reasoning is added to the output. DeepSeek
    names its cache hits differently; Gemini shows hidden reasoning in ``total_tokens`` only.
    """
    if not isinstance(usage, dict):
        raise MalformedUsage("no usage object")
    prompt = _count(usage, "prompt_tokens")
    of_prompt = _details(usage, "prompt_tokens_details")
    cached = _optional_count(of_prompt, "cached_tokens")
    if dialect == "deepseek":
        cached = _optional_count(usage, "prompt_cache_hit_tokens") or cached
    written = _optional_count(of_prompt, "cache_write_tokens")
    if cached + written > prompt:
        raise MalformedUsage("more cached tokens than prompt tokens")
    return TokenCounts(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write=written,
        output=_openai_output(usage, prompt, reasoning, dialect),
    )


def _openai_output(usage: dict[str, Any], prompt: int, reasoning: str, dialect: str) -> int:
    output = _count(usage, "completion_tokens")
    if dialect == "gemini":
        return max(output, _optional_count(usage, "total_tokens") - prompt)
    if reasoning == "outside":
        output += _optional_count(_details(usage, "completion_tokens_details"), "reasoning_tokens")
    return output


def anthropic_usage(usage: object) -> TokenCounts:
    """Return disjoint token counts from an Anthropic ``usage`` object.

    ``input_tokens`` is the uncached remainder of the prompt. ``cache_creation``, where it is
    given, splits the written tokens by how long they live and must add up to them.
    """
    if not isinstance(usage, dict):
        raise MalformedUsage("no usage object")
    lasting = _details(usage, "cache_creation")
    short = _optional_count(lasting, "ephemeral_5m_input_tokens")
    long = _optional_count(lasting, "ephemeral_1h_input_tokens")
    written = short + long
    if usage.get("cache_creation_input_tokens") is not None:
        written = _count(usage, "cache_creation_input_tokens")
    if lasting and short + long != written:
        raise MalformedUsage("cache writes that do not add up")
    return TokenCounts(
        input=_count(usage, "input_tokens"),
        cache_read=_optional_count(usage, "cache_read_input_tokens"),
        cache_write=written - long,
        cache_write_long=long,
        output=_count(usage, "output_tokens"),
    )


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    value = usage.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedUsage(f"{name} is not an object")
    return value


def _optional_count(holder: dict[str, Any], name: str) -> int:
    return 0 if holder.get(name) is None else _count(holder, name)


def _count(holder: dict[str, Any], name: str) -> int:
    value = holder.get(name)
    if type(value) is not int or not 0 <= value <= _MOST_TOKENS:
        raise MalformedUsage(f"{name} is not a count")
    return value


# What a caller may see of usage: what a provider reported, unless no SDK could read it.
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
