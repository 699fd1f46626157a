"""The closed schema of an OpenAI chat request: a field that is not named here is refused.

Source of the fields: ``openai`` 3.51 ``CompletionCreateParams``; a contract test compares them.
A field of the protocol that this version cannot price or honour is listed in ``REFUSED`` with
the reason, so that it is refused by name rather than ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

from shared.domain.errors import InvalidRequest
from shared.domain.routing import Asked

Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]

MAX_MESSAGES: Final = 1_000
MAX_TOOLS: Final = 512
MAX_DEPTH: Final = 32
"""Refused before anything that recurses sees it."""

REFUSED: Final = {
    "audio": "Audio output has no price in the catalog yet.",
    "web_search_options": "Hosted search is billed per call, which is not priced yet.",
    "moderation": "Inline moderation is not priced yet. Call a moderation endpoint instead.",
}
"""Fields of the protocol that are refused by name, and why."""


class Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The root of all request shapes: closed."""


class CacheBreakpoint(Shape):
    """The caller's own prompt-cache marker."""

    mode: Literal["explicit"]
    ttl: Literal["30m"] | None = None


class TextPart(Shape, tag="text"):
    """A piece of text."""

    text: Text
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class LoneTextPart(Shape):
    """A piece of text where nothing else may stand.

    A tagged struct that stands alone is taken without its tag, so the type is a field here.
    """

    type: Literal["text"]
    text: Text
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class RefusalPart(Shape, tag="refusal"):
    """An earlier refusal, sent back as history."""

    refusal: Text


class ImageUrl(Shape):
    """Where the provider finds the image: a ``data:`` or ``https:`` URL. We never fetch it."""

    url: Annotated[str, msgspec.Meta(pattern=r"^(https://|data:image/)")]
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Shape, tag="image_url"):
    """An image."""

    image_url: ImageUrl
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class SystemMessage(Shape, tag_field="role", tag="system"):
    """Instructions."""

    content: Text | list[LoneTextPart]
    name: Label | None = None


class DeveloperMessage(Shape, tag_field="role", tag="developer"):
    """Instructions, as newer models call them."""

    content: Text | list[LoneTextPart]
    name: Label | None = None


class UserMessage(Shape, tag_field="role", tag="user"):
    """What the user says and shows."""

    content: Text | list[TextPart | ImagePart]
    name: Label | None = None


class CalledFunction(Shape):
    """A function the model called; ``arguments`` is JSON text as the model wrote it."""

    name: Label
    arguments: Text


class FunctionCall(Shape, tag="function"):
    """A call of a function tool."""

    id: Label
    function: CalledFunction


class CalledCustom(Shape):
    """A custom tool the model called, with free text as input."""

    name: Label
    input: Text


class CustomCall(Shape, tag="custom"):
    """A call of a custom tool."""

    id: Label
    custom: CalledCustom


class AssistantMessage(Shape, tag_field="role", tag="assistant"):
    """What the model said before. Takes a response message back as the SDK dumps it."""

    content: Text | list[TextPart | RefusalPart] | None = None
    name: Label | None = None
    refusal: Text | None = None
    tool_calls: list[FunctionCall | CustomCall] | None = None
    function_call: CalledFunction | None = None
    reasoning_content: Text | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: None = None


class ToolMessage(Shape, tag_field="role", tag="tool"):
    """What a tool answered."""

    content: Text | list[LoneTextPart]
    tool_call_id: Label


class FunctionMessage(Shape, tag_field="role", tag="function"):
    """What a function answered, in the deprecated form."""

    content: Text | None
    name: Label


Message = (
    SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage
    | FunctionMessage
)  # fmt: skip


class Function(Shape):
    """A function that the model may call; ``parameters`` is a JSON schema."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Shape, tag="function"):
    """A function as a tool."""

    function: Function


class Grammar(Shape):
    """What a custom tool's input must look like."""

    definition: Text
    syntax: Literal["lark", "regex"]


class TextFormat(Shape, tag="text"):
    """Free text."""


class GrammarFormat(Shape, tag="grammar"):
    """Text by a grammar."""

    grammar: Grammar


class Custom(Shape):
    """A tool that takes free text."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
    description: Text | None = None
    format: TextFormat | GrammarFormat | None = None


class CustomTool(Shape, tag="custom"):
    """A custom tool."""

    custom: Custom


class Named(Shape):
    """A tool by its name."""

    name: Label


class ChooseFunction(Shape, tag="function"):
    """Call this function."""

    function: Named


class ChooseCustom(Shape, tag="custom"):
    """Call this custom tool."""

    custom: Named


class Allowed(Shape):
    """The tools the model may use this time."""

    mode: Literal["auto", "required"]
    tools: list[dict[str, Any]]


class ChooseAllowed(Shape, tag="allowed_tools"):
    """Choose among these tools."""

    allowed_tools: Allowed


class PlainFormat(Shape, tag="text"):
    """Free text."""


class JsonFormat(Shape, tag="json_object"):
    """Any JSON object."""


class JsonSchema(Shape):
    """A named JSON schema."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
    description: Text | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class SchemaFormat(Shape, tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: JsonSchema


class StreamOptions(Shape):
    """How a stream is sent."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Prediction(Shape):
    """Text that the answer will mostly repeat; what is rejected is billed as output."""

    content: Text | list[LoneTextPart]
    type: Literal["content"]


class PromptCacheOptions(Shape):
    """The caller's own prompt-cache settings."""

    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m"] | None = None


class ChatRequest(Shape):
    """One chat completion request, field by field as OpenAI defines them."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Label
    frequency_penalty: Penalty | None = None
    function_call: Literal["none", "auto"] | Named | None = None
    functions: Annotated[list[Function], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    logit_bias: dict[str, Annotated[float, msgspec.Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Count | None = None
    max_tokens: Count | None = None
    metadata: dict[str, str] | None = None
    modalities: list[Literal["text"]] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: Prediction | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: Label | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    response_format: PlainFormat | JsonFormat | SchemaFormat | None = None
    safety_identifier: Label | None = None
    seed: int | None = None
    service_tier: Literal["default"] | None = None
    stop: Label | Annotated[list[Label], msgspec.Meta(max_length=4)] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    tool_choice: (
        Literal["none", "auto", "required"] | ChooseFunction | ChooseCustom | ChooseAllowed | None
    ) = None
    tools: Annotated[list[FunctionTool | CustomTool], msgspec.Meta(max_length=MAX_TOOLS)] | None = (
        None
    )
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    user: Label | None = None
    verbosity: Literal["low", "medium", "high"] | None = None

    def __post_init__(self) -> None:
        """Refuse combinations that contradict each other."""
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("set max_completion_tokens or max_tokens, not both")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return self.n or 1

    @property
    def wants_usage_chunk(self) -> bool:
        """Whether the caller of a stream asked for the last chunk with the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def output_limit(self) -> int | None:
        """The caller's own bound on output tokens per choice."""
        return self.max_completion_tokens or self.max_tokens

    def texts(self, *roles: type[Message]) -> Iterator[str]:
        """Yield the text of the messages of the given roles, in order."""
        for message in self.messages:
            if isinstance(message, roles):
                yield from _texts_of(message)

    def asked(self) -> Asked:
        """Return what the router scores this request by."""
        return Asked(
            last_user_text=self.last_user_text(),
            user_turns=sum(isinstance(message, UserMessage) for message in self.messages),
            has_tools=bool(self.tools or self.functions),
            has_schema=isinstance(self.response_format, SchemaFormat),
        )

    def user_text(self) -> str:
        """Return all that the user said, turn by turn."""
        return "\n".join(self.texts(UserMessage))

    def last_user_text(self) -> str:
        """Return what the user said last, or an empty text."""
        for message in reversed(self.messages):
            if isinstance(message, UserMessage):
                return "\n".join(_texts_of(message))
        return ""


_PREPARED: Final = msgspec.json.Decoder(ChatRequest)
"""msgspec reads a struct's types when they are first needed, and two threads that need them at once
crash the process (seen with msgspec 0.22: a segmentation fault in ``convert``). So the types of
every shape that threads share are read while its module is imported."""


def parse_chat(body: dict[str, Any]) -> ChatRequest:
    """Check a decoded body against the closed schema.

    Raises :class:`InvalidRequest` whose ``param`` names the field, as in ``messages[0].content``.
    """
    for field, reason in REFUSED.items():
        if body.get(field) is not None:
            raise InvalidRequest(f"{field} is refused. {reason}", param=field)
    try:
        return msgspec.convert({k: v for k, v in body.items() if k not in REFUSED}, ChatRequest)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        raise InvalidRequest(text, param=field_named(text, path.rstrip("`"))) from None


def field_named(text: str, path: str) -> str | None:
    """Return the field that a validation error is about, from its text and its path."""
    at = path.lstrip(".") or None
    for lead in ("Object contains unknown field `", "Object missing required field `"):
        if text.startswith(lead):
            name = text.removeprefix(lead).rstrip("`")
            return f"{at}.{name}" if at else name
    return at


def _texts_of(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        for part in message.content or ():
            if isinstance(part, TextPart | LoneTextPart):
                yield part.text


def is_deeper_than(value: Any, limit: int) -> bool:
    """Tell whether a decoded value has objects and arrays nested deeper than so many levels."""
    level = [value]
    for _ in range(limit):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return []
    return [child for child in value if isinstance(child, dict | list)]
