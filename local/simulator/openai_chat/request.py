"""The body of a chat completions request: a closed schema, refused where it is not met.

Field names are those of OpenAI's API reference (``CompletionCreateParams`` of openai 3.51).
A field whose effect on the answer or the price is not simulated is refused, not ignored;
fields that change neither (``user``, ``metadata``, ``store``) are accepted.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from local.simulator.openai_chat import errors
from local.simulator.openai_chat.parts import (
    Breakpoint,
    Closed,
    Image,
    NamedTool,
    Text,
    Tool,
    ToolCall,
)

UNSIMULATED = (
    "audio",
    "function_call",
    "functions",
    "logit_bias",
    "moderation",
    "prediction",
    "web_search_options",
)

Positive = Annotated[int, msgspec.Meta(ge=1)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]


class Message(Closed, frozen=True):
    """One message of the conversation."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: str | list[Text | Image] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    annotations: object = None
    audio: None = None
    function_call: None = None


class PlainText(Closed, frozen=True, tag="text"):
    """The usual response format."""


class JsonObject(Closed, frozen=True, tag="json_object"):
    """Any JSON object."""


class NamedSchema(Closed, frozen=True):
    """A JSON Schema for the answer."""

    name: str
    schema: dict[str, object] = msgspec.field(default_factory=dict)
    description: str | None = None
    strict: bool | None = None


class JsonSchema(Closed, frozen=True, tag="json_schema"):
    """JSON that satisfies a schema."""

    json_schema: NamedSchema


class StreamOptions(Closed, frozen=True):
    """``include_obfuscation`` is accepted; the simulator never pads."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CacheOptions(Closed, frozen=True):
    """``implicit``: the provider sets a breakpoint on the newest message."""

    mode: Literal["implicit", "explicit"] = "implicit"
    ttl: Literal["30m"] = "30m"


class Thinking(Closed, frozen=True):
    """DeepSeek's switch for reasoning."""

    type: Literal["enabled", "disabled"]


class ChatBody(Closed, frozen=True, kw_only=True):
    """A whole request body."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    audio: object = None
    frequency_penalty: Penalty | None = None
    function_call: object = None
    functions: object = None
    logit_bias: object = None
    logprobs: bool | None = None
    max_completion_tokens: Positive | None = None
    max_tokens: Positive | None = None
    metadata: dict[str, str] | None = None
    modalities: list[Literal["text"]] | None = None
    moderation: object = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: object = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: CacheOptions | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning_effort: Effort | None = None
    response_format: PlainText | JsonObject | JsonSchema | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: Literal["auto", "default"] | None = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=4)] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    thinking: Thinking | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    tools: list[Tool] | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    user: str | None = None
    verbosity: str | None = None
    web_search_options: object = None

    @property
    def breakpoints(self) -> list[Breakpoint]:
        """The explicit cache breakpoints, in order."""
        lists = [m.content for m in self.messages if isinstance(m.content, list)]
        marks = [part.prompt_cache_breakpoint for parts in lists for part in parts]
        return [mark for mark in marks if mark is not None]

    @property
    def token_limit(self) -> int | None:
        """The most tokens one choice may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end an answer; an empty one ends nothing."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in given if text)

    @property
    def reports_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


def read_body(raw: bytes) -> tuple[ChatBody, dict[str, object]]:
    """Return the body, checked, and the same as plain JSON; raises :class:`errors.ApiError`."""
    try:
        plain = msgspec.json.decode(raw)
        body = msgspec.convert(plain, ChatBody)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.unreadable_json() from error
    _refuse_combinations(body)
    return body, plain


def _refuse_combinations(body: ChatBody) -> None:
    for name in UNSIMULATED:
        if getattr(body, name) is not None:
            raise errors.unsupported(name, "the simulator does not do this")
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise errors.both_limits()
    if body.top_logprobs is not None and not body.logprobs:
        raise errors.invalid("top_logprobs", "logprobs must be true as well")
    if body.stream_options is not None and not body.stream:
        raise errors.invalid("stream_options", "only allowed when stream is true")
    for place, message in enumerate(body.messages):
        if message.content is None and message.role != "assistant":
            raise errors.invalid(f"messages[{place}].content", "expected a string, got null")
    _refuse_tool_choice(body)


def _refuse_tool_choice(body: ChatBody) -> None:
    offered = {tool.function.name for tool in body.tools or []}
    if body.tool_choice is not None and not offered:
        raise errors.invalid("tool_choice", "only allowed when tools are given")
    if isinstance(body.tool_choice, NamedTool) and body.tool_choice.function.name not in offered:
        raise errors.invalid("tool_choice", "names a function that is not among the tools")
