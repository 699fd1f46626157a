"""The content of Anthropic messages, block by block: a block that is not named here is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from shared.domain.chat import Label, Shape, Text

ImageType = Literal["image/jpeg", "image/png", "image/gif", "image/webp"]


class CacheControl(Shape):
    """The caller's own prompt-cache marker; five minutes where no ``ttl`` is named."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextBlock(Shape, tag="text"):
    """A piece of text; ``citations`` come back as the API gave them."""

    text: Text
    cache_control: CacheControl | None = None
    citations: list[dict[str, Any]] | None = None


class Instruction(Shape):
    """A piece of instructions: a text block where no other block may stand.

    A tagged struct that stands alone is taken without its tag, so the type is a field here.
    """

    type: Literal["text"]
    text: Text
    cache_control: CacheControl | None = None
    citations: list[dict[str, Any]] | None = None


class Base64Image(Shape, tag="base64"):
    """An image in the request itself."""

    data: Text
    media_type: ImageType


class UrlImage(Shape, tag="url"):
    """An image that the provider fetches; we never do."""

    url: Annotated[str, msgspec.Meta(pattern=r"^https://")]


class Transformations(Shape):
    """What becomes of an image that is too large."""

    oversized_image: Literal["downsize", "error"] | None = None


class ImageBlock(Shape, tag="image"):
    """An image."""

    source: Base64Image | UrlImage
    cache_control: CacheControl | None = None
    transformations: Transformations | None = None


class PlainText(Shape):
    """A document that is text."""

    type: Literal["text"]
    data: Text
    media_type: Literal["text/plain"]


class Citations(Shape):
    """Whether the answer is to cite the document."""

    enabled: bool | None = None


class DocumentBlock(Shape, tag="document"):
    """A text document, with what the model is told about it."""

    source: PlainText
    cache_control: CacheControl | None = None
    citations: Citations | None = None
    context: Text | None = None
    title: Text | None = None


class ThinkingBlock(Shape, tag="thinking"):
    """Earlier thinking, sent back as it came: the signature proves it unchanged."""

    thinking: Text
    signature: Text


class RedactedThinkingBlock(Shape, tag="redacted_thinking"):
    """Earlier thinking that only the provider can read."""

    data: Text


class DirectCaller(Shape):
    """The model itself called the tool."""

    type: Literal["direct"]


class ToolUseBlock(Shape, tag="tool_use"):
    """A tool that the model called, with the input it gave."""

    id: Label
    input: dict[str, Any]
    name: Label
    cache_control: CacheControl | None = None
    caller: DirectCaller | None = None
    toolset_name: None = None


class ToolResultBlock(Shape, tag="tool_result"):
    """What a tool answered."""

    tool_use_id: Label
    cache_control: CacheControl | None = None
    content: Text | list[TextBlock | ImageBlock | DocumentBlock] | None = None
    is_error: bool | None = None
    toolset_name: None = None


UserBlock = TextBlock | ImageBlock | DocumentBlock | ToolResultBlock
AssistantBlock = TextBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock


class UserMessage(Shape, tag_field="role", tag="user"):
    """What the user says and shows, and what tools answered."""

    content: Text | list[UserBlock]


class AssistantMessage(Shape, tag_field="role", tag="assistant"):
    """What the model said before; takes a response's content back as the SDK dumps it."""

    content: Text | list[AssistantBlock]


class SystemMessage(Shape, tag_field="role", tag="system"):
    """Instructions that begin to hold in the middle of a conversation."""

    content: Text | list[Instruction]


Message = UserMessage | AssistantMessage | SystemMessage
