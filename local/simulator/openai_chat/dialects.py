"""How the providers that speak OpenAI's chat protocol differ: usage fields and reasoning.

Sources: openai 3.51 ``CompletionUsage``; api-docs.deepseek.com/api/create-chat-completion;
docs.x.ai (reasoning tokens stand outside ``completion_tokens`` and inside ``total_tokens``);
ai.google.dev/gemini-api/docs/openai; Alibaba Cloud Model Studio's OpenAI compatibility page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.simulator.prices import Usage

Json = dict[str, object]


@dataclass(frozen=True)
class Dialect:
    """One provider's habits.

    ``reasoning_outside``: reasoning is no part of its completion tokens, and no token limit
    bounds it. ``shows_reasoning``: as ``reasoning_content``. ``names_tier``: its answers carry a
    ``service_tier``. ``switches_thinking``: its requests may carry ``thinking``.
    """

    usage: Callable[[Usage], Json]
    reasoning_outside: bool = False
    shows_reasoning: bool = False
    names_tier: bool = False
    switches_thinking: bool = False


def _plain(usage: Usage, completion: int) -> Json:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": completion,
        "total_tokens": usage.prompt + usage.completion,
    }


def _openai(usage: Usage) -> Json:
    return {
        **_plain(usage, usage.completion),
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write + usage.cache_write_long,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _deepseek(usage: Usage) -> Json:
    return {
        **_plain(usage, usage.completion),
        "prompt_cache_hit_tokens": usage.cached,
        "prompt_cache_miss_tokens": usage.prompt - usage.cached,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _xai(usage: Usage) -> Json:
    return {
        **_plain(usage, usage.completion - usage.reasoning),
        "prompt_tokens_details": {
            "text_tokens": usage.prompt,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": usage.cached,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
    }


def _cached_only(usage: Usage) -> Json:
    details = {"prompt_tokens_details": {"cached_tokens": usage.cached}} if usage.cached else {}
    return {**_plain(usage, usage.completion), **details}


DIALECTS = {
    "openai": Dialect(_openai, names_tier=True),
    "deepseek": Dialect(_deepseek, shows_reasoning=True, switches_thinking=True),
    "xai": Dialect(_xai, reasoning_outside=True),
    "gemini": Dialect(_cached_only),
    "qwen": Dialect(_cached_only),
}
"""By provider."""
