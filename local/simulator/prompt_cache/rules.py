"""Each family's caching rule; the figures of a model stand in ``prices.toml``.

Sources: platform.claude.com/docs/en/build-with-claude/prompt-caching,
developers.openai.com/api/docs/guides/prompt-caching and the field descriptions of openai 3.51,
api-docs.deepseek.com/guides/kv_cache.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Tokens = Annotated[int, msgspec.Meta(ge=1)]


class AnthropicCache(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="anthropic"):
    """Written at the caller's breakpoints only; shorter than ``minimum`` is silently not cached.

    Each breakpoint looks back over 20 blocks, itself included, for an earlier breakpoint's
    prefix. A read starts the entry's lifetime anew.
    """

    minimum: Tokens


class OpenAICache(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="openai"):
    """Written at explicit breakpoints and, in implicit mode, at the end of the newest message.

    At most four writes; read at the latest 80 breakpoints of the conversation, where in implicit
    mode every message once was the newest. A lifetime is a minimum from the write, so a read
    does not extend it here.
    """

    minimum: Tokens


class AutomaticCache(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="automatic"):
    """Every prompt is kept free of charge and read back in whole units of ``unit`` tokens.

    Nothing shorter than ``minimum`` is read. ``seconds`` of disuse end an entry; ``long_seconds``
    is the lifetime on request, where the provider sells one.
    """

    minimum: Tokens
    unit: Tokens
    seconds: int
    long_seconds: int | None = None


CacheRule = AnthropicCache | OpenAICache | AutomaticCache
