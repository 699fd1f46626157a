"""The places of one prompt at which a cache may be read, and those at which it is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local.simulator.prompt import Prefix, Prompt
from local.simulator.prompt_cache.rules import (
    AnthropicCache,
    AutomaticCache,
    CacheRule,
    OpenAICache,
)

LOOK_BACK_BLOCKS = 20
"""Blocks that an Anthropic breakpoint is compared at, itself included."""
READ_BREAKPOINTS = 80
WRITES = 4
"""OpenAI's limits for one request."""


@dataclass(frozen=True)
class Write:
    """A prefix to be kept for some seconds."""

    prefix: Prefix
    seconds: int


@dataclass(frozen=True)
class Layout:
    """Where a prompt may be read and is written; ``renews``: a read starts a lifetime anew."""

    reads: tuple[Prefix, ...]
    writes: tuple[Write, ...]
    charged: bool
    renews: bool


def layout(rule: CacheRule, prompt: Prompt) -> Layout:
    """Return the places of a prompt that are long enough to count."""
    match rule:
        case AnthropicCache():
            return _anthropic(rule, prompt)
        case OpenAICache():
            return _openai(rule, prompt)
        case AutomaticCache():
            return _automatic(rule, prompt)


def _anthropic(rule: AnthropicCache, prompt: Prompt) -> Layout:
    prefixes = prompt.prefixes()
    marks = _marks(prompt)
    seen = {place for mark in marks for place in range(mark - LOOK_BACK_BLOCKS + 1, mark + 1)}
    reads = [prefixes[place] for place in sorted(seen) if place >= 0]
    writes = [Write(prefixes[mark], prompt.blocks[mark].seconds or 0) for mark in marks]
    return _long_enough(rule.minimum, reads, writes, charged=True, renews=True)


def _openai(rule: OpenAICache, prompt: Prompt) -> Layout:
    prefixes = prompt.prefixes()
    seconds = {mark: prompt.blocks[mark].seconds or 0 for mark in _marks(prompt)}
    places = set(seconds)
    written = sorted(seconds)[-WRITES:]
    if prompt.implicit_seconds is not None:
        newest = len(prefixes) - 1
        places |= {place for place, block in enumerate(prompt.blocks) if block.ends_message}
        written = sorted({*sorted(seconds)[1 - WRITES :], newest})
        seconds = {newest: prompt.implicit_seconds, **seconds}
    reads = [prefixes[place] for place in sorted(places)[-READ_BREAKPOINTS:]]
    writes = [Write(prefixes[place], seconds[place]) for place in written]
    return _long_enough(rule.minimum, reads, writes, charged=True, renews=False)


def _automatic(rule: AutomaticCache, prompt: Prompt) -> Layout:
    units = prompt.token_prefixes(rule.unit)
    wanted = prompt.implicit_seconds or rule.seconds
    writes = [Write(prefix, wanted) for prefix in units]
    return _long_enough(rule.minimum, units, writes, charged=False, renews=True)


def _marks(prompt: Prompt) -> list[int]:
    return [place for place, block in enumerate(prompt.blocks) if block.seconds is not None]


def _long_enough(
    minimum: int, reads: Iterable[Prefix], writes: Iterable[Write], *, charged: bool, renews: bool
) -> Layout:
    return Layout(
        reads=tuple(prefix for prefix in reads if prefix.tokens >= minimum),
        writes=tuple(write for write in writes if write.prefix.tokens >= minimum),
        charged=charged,
        renews=renews,
    )
