"""The closed schema of an Anthropic Messages request.

Source of the fields: ``anthropic`` 2.8 ``MessageCreateParams``; a contract test compares them.
``temperature``, ``top_p`` and ``top_k`` left the SDK's signatures but not the wire: models up
to Claude 4.6 take them, and callers send them with ``extra_body``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

from shared.domain.chat import MAX_MESSAGES, MAX_TOOLS, Count, Label, Shape, Text
from shared.domain.messages.blocks import (
    CacheControl,
    DocumentBlock,
    Instruction,
    Message,
    TextBlock,
    ToolResultBlock,
    UserMessage,
)
from shared.domain.routing import Asked

WIRE_ONLY: Final = frozenset({"temperature", "top_p", "top_k"})
"""Fields of the wire that the SDK's types no longer name."""

MIN_THINKING_TOKENS: Final = 1024

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Display = Literal["summarized", "omitted"]


class Metadata(Shape):
    """Who the call is for, as an opaque id."""

    user_id: Label | None = None


class JsonFormat(Shape):
    """JSON that follows a schema."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Shape):
    """How much effort goes into the answer, and its format."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class ThinkingEnabled(Shape, tag="enabled"):
    """Thinking with a budget in tokens, which count as output."""

    budget_tokens: Annotated[int, msgspec.Meta(ge=MIN_THINKING_TOKENS)]
    display: Display | None = None


class ThinkingDisabled(Shape, tag="disabled"):
    """No thinking."""


class ThinkingBetweenTools(Shape, tag="between_tools"):
    """No thinking but short notes between tool calls."""


class ThinkingAdaptive(Shape, tag="adaptive"):
    """The model decides when and how much to think."""

    display: Display | None = None


class ChooseAuto(Shape, tag="auto"):
    """The model may call tools."""

    disable_parallel_tool_use: bool | None = None


class ChooseAny(Shape, tag="any"):
    """The model must call a tool."""

    disable_parallel_tool_use: bool | None = None


class ChooseTool(Shape, tag="tool"):
    """The model must call this tool."""

    name: Label
    disable_parallel_tool_use: bool | None = None


class ChooseNone(Shape, tag="none"):
    """The model must not call tools."""


class Tool(Shape):
    """A tool that the caller runs; ``input_schema`` is a JSON schema of an object."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,128}\Z")]
    input_schema: dict[str, Any]
    allowed_callers: list[Literal["direct"]] | None = None
    cache_control: CacheControl | None = None
    defer_loading: Literal[False] | None = None
    description: Text | None = None
    eager_input_streaming: bool | None = None
    input_examples: list[dict[str, Any]] | None = None
    strict: bool | None = None
    type: Literal["custom"] | None = None


class MessagesRequest(Shape):
    """One Messages request, field by field as Anthropic defines them."""

    max_tokens: Count
    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Label
    cache_control: CacheControl | None = None
    metadata: Metadata | None = None
    output_config: OutputConfig | None = None
    service_tier: Literal["standard_only"] | None = None
    speed: Literal["standard"] | None = None
    stop_sequences: Annotated[list[Label], msgspec.Meta(max_length=64)] | None = None
    stream: bool | None = None
    system: Text | list[Instruction] | None = None
    temperature: Share | None = None
    thinking: (
        ThinkingEnabled | ThinkingDisabled | ThinkingBetweenTools | ThinkingAdaptive | None
    ) = None
    tool_choice: ChooseAuto | ChooseAny | ChooseTool | ChooseNone | None = None
    tools: Annotated[list[Tool], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    top_p: Share | None = None

    def __post_init__(self) -> None:
        """Refuse combinations that contradict each other."""
        thinking = self.thinking
        if isinstance(thinking, ThinkingEnabled) and thinking.budget_tokens >= self.max_tokens:
            raise ValueError("thinking.budget_tokens must be less than max_tokens")

    @property
    def choices(self) -> int:
        """How many answers are asked for: always one."""
        return 1

    @property
    def output_limit(self) -> int:
        """The caller's bound on output tokens."""
        return self.max_tokens

    def texts(self, *roles: type[Message]) -> Iterator[str]:
        """Yield the text of the messages of the given roles, in order, without tool results."""
        for message in self.messages:
            if isinstance(message, roles):
                yield from _texts_of(message.content)

    def system_texts(self) -> Iterator[str]:
        """Yield the text of the top-level instructions."""
        yield from _texts_of(self.system or ())

    @property
    def wants_usage_chunk(self) -> bool:
        """Never: the usage stands in ``message_delta``."""
        return False

    def user_text(self) -> str:
        """Return all that the user said, turn by turn."""
        return "\n".join(self.texts(UserMessage))

    def last_user_text(self) -> str:
        """Return what the user said last, or an empty text."""
        for message in reversed(self.messages):
            if _is_user_turn(message):
                return "\n".join(_texts_of(message.content))
        return ""

    def asked(self) -> Asked:
        """Return what the router scores this request by."""
        return Asked(
            last_user_text=self.last_user_text(),
            user_turns=sum(map(_is_user_turn, self.messages)),
            has_tools=bool(self.tools),
            has_schema=bool(self.output_config and self.output_config.format),
        )


def _is_user_turn(message: Message) -> bool:
    """Tell whether the user says something here, rather than only tools answering."""
    if not isinstance(message, UserMessage):
        return False
    content = message.content
    return isinstance(content, str) or any(not isinstance(b, ToolResultBlock) for b in content)


def _texts_of(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content:
        if isinstance(block, TextBlock | Instruction):
            yield block.text
        elif isinstance(block, DocumentBlock):
            yield block.source.data
