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


def wire_body(body: Body, model: Model, provider: Provider, way: Crossing, *, team: str) -> bytes:
    """Return the request for one model as JSON.

    Raises ``InvalidRequest`` naming what this model or its provider does not take.
    """
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
    if not model.capabilities.images and _has_image(body):
        raise InvalidRequest(f"{model.id} does not take images.", param="messages")


def _has_image(body: Body) -> bool:
    contents = [message.get("content") for message in body["messages"]]
    return any(
        part.get("type") in {"image", "image_url"}
        for content in contents
        if isinstance(content, list)
        for part in content
    )


def _set_limit(body: dict[str, Any], name: str) -> None:
    for each in _LIMITS:
        if (limit := body.pop(each, None)) is not None:
            body[name] = limit


def _ask_for_usage(body: dict[str, Any]) -> None:
    if body.get("stream"):
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
