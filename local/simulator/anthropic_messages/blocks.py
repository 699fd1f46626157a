"""The content blocks of a Messages request: closed schemas, as anthropic 2.8 types them.

Documents, search results, citations, hosted tools and their results are not simulated: their
blocks are refused as unknown.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Refuses what it does not know."""


class CacheControl(Closed, frozen=True):
    """A cache breakpoint."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"

    @property
    def seconds(self) -> int:
        """Its lifetime."""
        return 3_600 if self.ttl == "1h" else 300


class Text(Closed, frozen=True, tag="text"):
    """Some text."""

    text: str
    cache_control: CacheControl | None = None
    citations: None = None


class Base64Source(Closed, frozen=True, tag="base64"):
    """An image in the request; it is not decoded."""

    data: str
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]


class UrlSource(Closed, frozen=True, tag="url"):
    """An image elsewhere; nothing is fetched."""

    url: str


class Image(Closed, frozen=True, tag="image"):
    """An image."""

    source: Base64Source | UrlSource
    cache_control: CacheControl | None = None


class Thinking(Closed, frozen=True, tag="thinking"):
    """Reasoning of an earlier answer; cannot carry a breakpoint."""

    thinking: str
    signature: str


class RedactedThinking(Closed, frozen=True, tag="redacted_thinking"):
    """Hidden reasoning of an earlier answer; cannot carry a breakpoint."""

    data: str


class ToolUse(Closed, frozen=True, tag="tool_use"):
    """A call made by an earlier answer."""

    id: str
    name: str
    input: dict[str, object]
    cache_control: CacheControl | None = None
    caller: object = None


class ToolResult(Closed, frozen=True, tag="tool_result"):
    """What a tool answered."""

    tool_use_id: str
    content: str | list[Text | Image] | None = None
    is_error: bool = False
    cache_control: CacheControl | None = None

    @property
    def parts(self) -> list[Text | Image]:
        """The content as blocks."""
        return [Text(self.content)] if isinstance(self.content, str) else self.content or []


Content = Text | Image | Thinking | RedactedThinking | ToolUse | ToolResult
