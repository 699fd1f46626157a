"""A Converse body as a Messages body: the same models stand behind both protocols.

A cache point becomes the breakpoint of the block before it. Fields beyond Converse's own are
taken from ``additionalModelRequestFields``, of which only ``thinking`` is simulated.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from local.simulator.anthropic_messages import request as messages
from local.simulator.bedrock_converse import errors
from local.simulator.bedrock_converse.request import (
    CachePoint,
    Content,
    ConverseBody,
    Image,
    ToolResult,
    ToolResultPart,
    ToolSpec,
)

Json = dict[str, object]
EXTRA_FIELDS = frozenset({"thinking"})
UNBOUNDED = 1_000_000
"""Stands for a limit that the caller left to the model."""


def to_messages(body: ConverseBody, model: str) -> messages.MessagesBody:
    """Return the Messages body; raises :class:`errors.ConverseError`."""
    extra = body.additional_model_request_fields or {}
    if unknown := sorted(extra.keys() - EXTRA_FIELDS):
        raise errors.invalid("additionalModelRequestFields", f"unknown {unknown}")
    config = body.inference_config
    made: Json = {
        "model": model,
        "messages": [
            {"role": message.role, "content": _marked(message.content, "messages")}
            for message in body.messages
        ],
        "max_tokens": config.max_tokens or UNBOUNDED,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "stop_sequences": config.stop_sequences,
        **_system(body),
        **_tools(body),
        **_output(body),
        **extra,
    }
    return _checked(made)


def _checked(made: Json) -> messages.MessagesBody:
    plain = {name: value for name, value in made.items() if value is not None}
    try:
        return msgspec.convert(plain, messages.MessagesBody)
    except msgspec.ValidationError as error:
        raise errors.from_validation(error) from error


def _system(body: ConverseBody) -> Json:
    if body.system is None:
        return {}
    pairs = [(_text(part.text), part.cache_point) for part in body.system]
    return {"system": _with_points(pairs, "system")}


def _tools(body: ConverseBody) -> Json:
    if body.tool_config is None:
        return {}
    pairs = [(_tool(tool.tool_spec), tool.cache_point) for tool in body.tool_config.tools]
    made: Json = {"tools": _with_points(pairs, "toolConfig.tools")}
    choice = body.tool_config.tool_choice
    if choice is None:
        return made
    if choice.tool is not None:
        return {**made, "tool_choice": {"type": "tool", "name": choice.tool.name}}
    return {**made, "tool_choice": {"type": "any" if choice.any is not None else "auto"}}


def _output(body: ConverseBody) -> Json:
    config = body.output_config
    if config is None:
        return {}
    made: Json = {} if config.effort is None else {"effort": config.effort}
    if config.text_format is not None:
        text = config.text_format.structure.json_schema.schema
        made["format"] = {"type": "json_schema", "schema": _schema(text)}
    return {"output_config": made}


def _schema(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise errors.invalid("outputConfig.textFormat", "the schema is no JSON") from error


def _marked(content: Iterable[Content], where: str) -> list[Json]:
    return _with_points([(_block(block), block.cache_point) for block in content], where)


def _with_points(pairs: Iterable[tuple[Json | None, CachePoint | None]], where: str) -> list[Json]:
    made: list[Json] = []
    for block, point in pairs:
        if (block is None) == (point is None):
            raise errors.invalid(where, "a block has exactly one member")
        if block is not None:
            made.append(block)
        elif not made:
            raise errors.invalid(where, "a cachePoint needs a block before it")
        elif point is not None:
            made[-1]["cache_control"] = {"type": "ephemeral", "ttl": point.ttl}
    return made


def _block(block: Content) -> Json | None:
    made = [
        _text(block.text),
        _image(block.image),
        _tool_result(block.tool_result),
        _tool_use(block),
        _reasoning(block),
    ]
    said = [part for part in made if part is not None]
    if len(said) > 1:
        raise errors.invalid("messages", "a block has exactly one member")
    return said[0] if said else None


def _text(text: str | None) -> Json | None:
    return None if text is None else {"type": "text", "text": text}


def _image(image: Image | None) -> Json | None:
    if image is None:
        return None
    media_type = f"image/{image.format}"
    source = {"type": "base64", "media_type": media_type, "data": image.source.bytes}
    return {"type": "image", "source": source}


def _tool_use(block: Content) -> Json | None:
    call = block.tool_use
    if call is None:
        return None
    return {"type": "tool_use", "id": call.tool_use_id, "name": call.name, "input": call.input}


def _tool_result(result: ToolResult | None) -> Json | None:
    if result is None:
        return None
    return {
        "type": "tool_result",
        "tool_use_id": result.tool_use_id,
        "content": [_result_part(part) for part in result.content],
        "is_error": result.status == "error",
    }


def _result_part(part: ToolResultPart) -> Json:
    as_json = None if part.json is msgspec.UNSET else msgspec.json.encode(part.json).decode()
    made = [_text(part.text), _text(as_json), _image(part.image)]
    said = [block for block in made if block is not None]
    if len(said) != 1:
        raise errors.invalid("toolResult.content", "a block has exactly one member")
    return said[0]


def _reasoning(block: Content) -> Json | None:
    held = block.reasoning_content
    if held is None:
        return None
    if held.reasoning_text is None:
        return {"type": "redacted_thinking", "data": held.redacted_content or ""}
    text = held.reasoning_text
    return {"type": "thinking", "thinking": text.text, "signature": text.signature}


def _tool(spec: ToolSpec | None) -> Json | None:
    if spec is None:
        return None
    made: Json = {"name": spec.name, "input_schema": spec.input_schema.json}
    optional = {"description": spec.description, "strict": spec.strict}
    return {**made, **{name: value for name, value in optional.items() if value is not None}}
