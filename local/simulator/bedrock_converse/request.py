"""The body of a Converse request: a closed schema, refused where it is not met.

Members are those of ``ConverseRequest`` in botocore 1.44. Guardrails, prompt variables,
documents, video, audio and images in S3 are not simulated and so refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from local.simulator.bedrock_converse import errors

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class CachePoint(_Closed, frozen=True):
    """A cache breakpoint behind the block before it."""

    type: Literal["default"]
    ttl: Literal["5m", "1h"] = "5m"


class ImageSource(_Closed, frozen=True):
    """An image in the request, in base64; it is not decoded."""

    bytes: str


class Image(_Closed, frozen=True):
    """An image."""

    format: Literal["png", "jpeg", "gif", "webp"]
    source: ImageSource


class ToolUse(_Closed, frozen=True, rename="camel"):
    """A call made by an earlier answer."""

    tool_use_id: str
    name: str
    input: dict[str, object]


class ToolResultPart(_Closed, frozen=True):
    """One of ``text``, ``json`` and ``image``."""

    text: str | None = None
    json: object = msgspec.UNSET
    image: Image | None = None


class ToolResult(_Closed, frozen=True, rename="camel"):
    """What a tool answered."""

    tool_use_id: str
    content: list[ToolResultPart]
    status: Literal["success", "error"] = "success"


class ReasoningText(_Closed, frozen=True):
    """Reasoning of an earlier answer."""

    text: str
    signature: str = ""


class Reasoning(_Closed, frozen=True, rename="camel"):
    """Open or hidden reasoning."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Content(_Closed, frozen=True, rename="camel"):
    """One block: exactly one of its members is set."""

    text: str | None = None
    image: Image | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    reasoning_content: Reasoning | None = None
    cache_point: CachePoint | None = None


class Message(_Closed, frozen=True):
    """One turn."""

    role: Literal["user", "assistant"]
    content: Annotated[list[Content], msgspec.Meta(min_length=1)]


class System(_Closed, frozen=True, rename="camel"):
    """One block of the system prompt: text or a cache point."""

    text: str | None = None
    cache_point: CachePoint | None = None


class InputSchema(_Closed, frozen=True):
    """A tool's JSON Schema."""

    json: dict[str, object]


class ToolSpec(_Closed, frozen=True, rename="camel"):
    """A tool of the caller's own."""

    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class Tool(_Closed, frozen=True, rename="camel"):
    """A tool or a cache point."""

    tool_spec: ToolSpec | None = None
    cache_point: CachePoint | None = None


class ToolName(_Closed, frozen=True):
    """Names a tool."""

    name: str


class Nothing(_Closed, frozen=True):
    """An empty object."""


class ToolChoice(_Closed, frozen=True):
    """Exactly one of its members is set."""

    auto: Nothing | None = None
    any: Nothing | None = None
    tool: ToolName | None = None


class ToolConfig(_Closed, frozen=True, rename="camel"):
    """The tools on offer."""

    tools: Annotated[list[Tool], msgspec.Meta(min_length=1)]
    tool_choice: ToolChoice | None = None


class InferenceConfig(_Closed, frozen=True, rename="camel"):
    """Limits and sampling."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Fraction | None = None
    top_p: Fraction | None = None
    stop_sequences: list[str] | None = None


class SchemaText(_Closed, frozen=True):
    """A JSON Schema as text."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(_Closed, frozen=True, rename="camel"):
    """Where the schema is."""

    json_schema: SchemaText


class TextFormat(_Closed, frozen=True):
    """JSON that satisfies a schema."""

    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(_Closed, frozen=True, rename="camel"):
    """How the answer is to be."""

    text_format: TextFormat | None = None
    effort: str | None = None


class ServiceTier(_Closed, frozen=True):
    """Only the usual tier is simulated: the others have other prices."""

    type: Literal["default"]


class ConverseBody(_Closed, frozen=True, rename="camel"):
    """A whole request body; the model's id stands in the path."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    system: list[System] | None = None
    inference_config: InferenceConfig = InferenceConfig()
    tool_config: ToolConfig | None = None
    additional_model_request_fields: dict[str, object] | None = None
    additional_model_response_field_paths: list[str] | None = None
    output_config: OutputConfig | None = None
    request_metadata: dict[str, str] | None = None
    service_tier: ServiceTier | None = None


def read_body(raw: bytes) -> ConverseBody:
    """Return a body, its members checked one by one; raises :class:`errors.ConverseError`."""
    try:
        return msgspec.json.decode(raw, type=ConverseBody)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.ConverseError(400, "The request body is not valid JSON.") from error
