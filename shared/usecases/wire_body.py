"""The body that a provider is sent.

The caller's, translated where door and provider differ, with our model, pins and switches.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.catalog import Model, Provider
from shared.domain.crossing import Body, Crossing
from shared.domain.errors import InvalidRequest
from shared.domain.prompt_cache import marked

_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_FALLBACK_MAX_TOKENS: Final = 4096
_IMAGES: Final = frozenset({"image", "image_url"})
_FORCING: Final = frozenset({"required", "function", "custom", "any", "tool"})
"""Tool choices that force a call, in OpenAI's words and in Anthropic's."""


def wire_body(body: Body, model: Model, provider: Provider, way: Crossing, *, team: str) -> bytes:
    """Return the request for one model as JSON.

    Raises ``InvalidRequest`` naming what this model or its provider does not take.
    """
    _refuse_beyond(body, model)
    limit = model.capabilities.default_max_tokens or _FALLBACK_MAX_TOKENS
    crossed = dict(way.request(body, model=model.id, default_max_tokens=limit))
    _refuse(crossed, model, provider)
    crossed = marked(crossed, model.cache.style, model.cache.min_tokens, team)
    for name in provider.drops:
        crossed.pop(name, None)
    crossed |= {"model": model.id, **provider.pins}
    if provider.protocol == "openai-chat":
        _set_limit(crossed, provider.output_limit)
        _ask_for_usage(crossed)
    return msgspec.json.encode(crossed)


def output_bound(limit: int | None, model: Model, provider: Provider) -> int:
    """Return the most tokens that one choice may have: the caller's limit, ours, or the model's."""
    can = model.capabilities
    if limit:
        return limit
    if provider.protocol == "openai-chat":
        return can.max_output_tokens or can.context_tokens
    return can.default_max_tokens or _FALLBACK_MAX_TOKENS


def _refuse(body: Body, model: Model, provider: Provider) -> None:
    for name in (*provider.refuses, *model.capabilities.refuses):
        if body.get(name) is not None:
            raise InvalidRequest(f"{model.id} does not take {name}.", param=name)


def _refuse_beyond(body: Body, model: Model) -> None:
    """Refuse what a model cannot do, naming the field in the words of the caller's door."""
    can = model.capabilities
    for able, field, what in (
        (can.images, _image_field(body), "images"),
        (can.json_schema, _schema_field(body), "a JSON schema for its answer"),
        (can.tools, "tools" if body.get("tools") else None, "tools"),
        (can.forced_tools, _forcing_field(body), "a tool choice that forces a call"),
    ):
        if field and not able:
            raise InvalidRequest(f"{model.id} does not take {what}.", param=field)


def _image_field(body: Body) -> str | None:
    contents = [message.get("content") for message in body["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return "messages" if any(part.get("type") in _IMAGES for part in parts) else None


def _schema_field(body: Body) -> str | None:
    if (body.get("response_format") or {}).get("type") == "json_schema":
        return "response_format"
    return "output_config.format" if (body.get("output_config") or {}).get("format") else None


def _forcing_field(body: Body) -> str | None:
    choice = body.get("tool_choice") or ""
    kind = choice if isinstance(choice, str) else choice["type"]
    return "tool_choice" if kind in _FORCING else None


def _set_limit(body: dict[str, Any], name: str) -> None:
    for each in _LIMITS:
        if (limit := body.pop(each, None)) is not None:
            body[name] = limit


def _ask_for_usage(body: dict[str, Any]) -> None:
    if body.get("stream"):
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
