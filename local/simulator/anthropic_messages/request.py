"""The body of a Messages request: a closed schema, refused where it is not met.

Field names are those of anthropic 2.8 (``MessageCreateParams``, ``MessageCountTokensParams``).
A field whose effect on the answer or the price is not simulated is refused, not ignored.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

from local.simulator.anthropic_messages import errors
from local.simulator.anthropic_messages.blocks import CacheControl, Closed, Content, Text

UNSIMULATED = ("container", "diagnostics", "mcp_servers", "context_management", "betas")

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Message(Closed, frozen=True):
    """One turn."""

    role: Literal["user", "assistant"]
    content: str | Annotated[list[Content], msgspec.Meta(min_length=1)]

    @property
    def blocks(self) -> list[Content]:
        """The content as blocks."""
        return [Text(self.content)] if isinstance(self.content, str) else self.content


class Tool(Closed, frozen=True):
    """A tool of the caller's own."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: dict[str, object]
    description: str | None = None
    type: Literal["custom"] | None = None
    cache_control: CacheControl | None = None
    strict: bool | None = None
    eager_input_streaming: bool | None = None
    input_examples: list[dict[str, object]] | None = None


class AutoChoice(Closed, frozen=True, tag="auto"):
    """The model decides."""

    disable_parallel_tool_use: bool = False


class AnyChoice(Closed, frozen=True, tag="any"):
    """Some tool must be called."""

    disable_parallel_tool_use: bool = False


class NamedChoice(Closed, frozen=True, tag="tool"):
    """One tool must be called."""

    name: str
    disable_parallel_tool_use: bool = False


class NoneChoice(Closed, frozen=True, tag="none"):
    """No tool may be called."""


class ThinkingOn(Closed, frozen=True, tag="enabled"):
    """Reason within a budget of tokens."""

    budget_tokens: Annotated[int, msgspec.Meta(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None


class ThinkingAdaptive(Closed, frozen=True, tag="adaptive"):
    """Reason as much as the effort asks for."""

    display: Literal["summarized", "omitted"] | None = None


class ThinkingOff(Closed, frozen=True, tag="disabled"):
    """Do not reason."""


class JsonFormat(Closed, frozen=True):
    """JSON that satisfies a schema."""

    type: Literal["json_schema"]
    schema: dict[str, object]


class OutputConfig(Closed, frozen=True):
    """How the answer is to be."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class Metadata(Closed, frozen=True):
    """Who asks; not used."""

    user_id: str | None = None


class CountBody(Closed, frozen=True, kw_only=True):
    """A body whose tokens are to be counted."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    cache_control: CacheControl | None = None
    output_config: OutputConfig | None = None
    speed: Literal["standard"] | None = None
    system: str | list[Text] | None = None
    thinking: ThinkingOn | ThinkingAdaptive | ThinkingOff | None = None
    tool_choice: AutoChoice | AnyChoice | NamedChoice | NoneChoice | None = None
    tools: list[Tool] | None = None

    @property
    def schema(self) -> dict[str, object] | None:
        """The JSON Schema of the answer, if one is wanted."""
        wanted = self.output_config.format if self.output_config else None
        return wanted.schema if wanted else None

    @property
    def thinks(self) -> bool:
        """Whether the model is to reason."""
        return isinstance(self.thinking, ThinkingOn | ThinkingAdaptive)


class MessagesBody(CountBody, frozen=True, kw_only=True):
    """A whole request body; ``max_tokens`` 0 only fills the prompt cache."""

    max_tokens: Annotated[int, msgspec.Meta(ge=0)]
    betas: object = None
    container: object = None
    context_management: object = None
    diagnostics: object = None
    inference_geo: Literal["global"] | None = None
    mcp_servers: object = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    stop_sequences: list[str] | None = None
    stream: bool = False
    temperature: Fraction | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    top_p: Fraction | None = None


_Body = TypeVar("_Body", bound=CountBody)


def read_messages(raw: bytes) -> MessagesBody:
    """Return a body, its fields checked one by one; raises :class:`errors.MessagesError`."""
    body = _decoded(raw, MessagesBody)
    for name in UNSIMULATED:
        if getattr(body, name) is not None:
            raise errors.invalid(name, "the simulator does not do this")
    if any(not text.strip() for text in body.stop_sequences or []):
        raise errors.invalid("stop_sequences", "each stop sequence must contain non-whitespace")
    return body


def read_count(raw: bytes) -> CountBody:
    """Return a body to be counted; raises :class:`errors.MessagesError`."""
    return _decoded(raw, CountBody)


def _decoded(raw: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.MessagesError(400, "The request body is not valid JSON.") from error
