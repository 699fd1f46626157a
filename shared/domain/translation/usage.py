"""Usage in the fields of the other door; money is settled from the provider's own.

Anthropic's ``input_tokens`` are the prompt without what a cache read or wrote, OpenAI's
``prompt_tokens`` are all of it. Chat has one class for cache writes, whatever their lifetime.
"""

from __future__ import annotations

from typing import Any, Literal

from shared.domain.usage import MalformedUsage, anthropic_usage, openai_usage

Json = dict[str, Any]


def chat_usage(usage: object) -> Json | None:
    """Return OpenAI usage for Anthropic's, or ``None`` where it cannot be read."""
    try:
        tokens = anthropic_usage(usage)
    except MalformedUsage:
        return None
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.prompt + tokens.output,
        "prompt_tokens_details": {
            "cached_tokens": tokens.cache_read,
            "cache_write_tokens": tokens.cache_write + tokens.cache_write_long,
        },
        "completion_tokens_details": {
            "reasoning_tokens": _detail(usage, "output_tokens_details", "thinking_tokens"),
        },
    }


def messages_usage(usage: object, *, reasoning: Literal["inside", "outside"]) -> Json:
    """Return Anthropic usage for OpenAI's.

    A Message must carry counts, so usage that cannot be read becomes zeros at the door; the
    ledger settles such a call at its bound.
    """
    try:
        tokens = openai_usage(usage, reasoning=reasoning)
    except MalformedUsage:
        return dict.fromkeys(NO_USAGE, 0)
    thought = _detail(usage, "completion_tokens_details", "reasoning_tokens")
    return {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "output_tokens": tokens.output,
        **({"output_tokens_details": {"thinking_tokens": thought}} if thought else {}),
    }


NO_USAGE = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
"""The counts that a Message carries before they are known, each zero."""


def _detail(usage: object, group: str, name: str) -> int:
    details = usage.get(group) if isinstance(usage, dict) else None
    count = details.get(name) if isinstance(details, dict) else None
    return count if type(count) is int and count >= 0 else 0
