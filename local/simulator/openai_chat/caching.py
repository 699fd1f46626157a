"""Which cache fields a model takes: those of its own family, and no others."""

from __future__ import annotations

from local.simulator.openai_chat import errors
from local.simulator.openai_chat.request import ChatBody
from local.simulator.prices import Model
from local.simulator.prompt_cache.rules import AutomaticCache, OpenAICache


def refuse_cache_fields(body: ChatBody, model: Model) -> None:
    """Raise ``ApiError`` 400 for a cache field that the model would not understand.

    Breakpoints are for gpt-5.6 and later (openai 3.51, ``prompt_cache_options``), which of the
    older field's values take only ``24h``.
    """
    explicit = isinstance(model.cache, OpenAICache)
    if not explicit and body.prompt_cache_options is not None:
        raise errors.unsupported("prompt_cache_options", f"{model.id} has no cache options")
    if not explicit and body.breakpoints:
        raise errors.unsupported("prompt_cache_breakpoint", f"{model.id} has no breakpoints")
    retention = body.prompt_cache_retention
    if retention is not None and retention not in _retentions(model):
        raise errors.invalid("prompt_cache_retention", f"{model.id} does not take {retention!r}")


def _retentions(model: Model) -> frozenset[str]:
    if isinstance(model.cache, AutomaticCache) and model.cache.long_seconds is not None:
        return frozenset({"in_memory", "24h"})
    return frozenset({"24h"} if isinstance(model.cache, OpenAICache) else ())
