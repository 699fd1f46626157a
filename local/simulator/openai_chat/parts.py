"""What the messages and tools of a chat request are made of: closed schemas."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refuses what it does not know."""


class Breakpoint(Closed, frozen=True):
    """The end of a reusable prompt prefix; without ``ttl`` it has the request's."""

    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class Text(Closed, frozen=True, tag="text"):
    """A content part of text."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class ImageUrl(Closed, frozen=True):
    """Where an image is; nothing is fetched."""

    url: str
    detail: str | None = None


class Image(Closed, frozen=True, tag="image_url"):
    """A content part with an image."""

    image_url: ImageUrl
    prompt_cache_breakpoint: Breakpoint | None = None


class CalledFunction(Closed, frozen=True):
    """A call made by an earlier answer; ``arguments`` is JSON text."""

    name: str
    arguments: str


class ToolCall(Closed, frozen=True):
    """A tool call in the history."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class Function(Closed, frozen=True):
    """A function on offer; ``parameters`` is a JSON Schema."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class Tool(Closed, frozen=True):
    """A tool on offer."""

    type: Literal["function"]
    function: Function


class FunctionName(Closed, frozen=True):
    """Names a function."""

    name: str


class NamedTool(Closed, frozen=True):
    """A ``tool_choice`` that insists on one function."""

    type: Literal["function"]
    function: FunctionName
