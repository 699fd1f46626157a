"""The body that a provider is sent, and the most that it can cost.

The caller's, translated where door and provider differ, with our model, pins and switches. A
bound on output always stands in it: without one, no budget could hold the money for the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.catalog import Model, Provider
from shared.domain.bound import Bound, prompt_bound
from shared.domain.crossing import Body, Crossing
from shared.domain.errors import InvalidRequest
from shared.domain.prompt_cache import marked

_LIMITS: Final = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class WireBody:
    """A request as one provider is sent it, and its bound in tokens."""

    raw: bytes
    bound: Bound


def wire_body(
    body: Body,
    model: Model,
    provider: Provider,
    way: Crossing,
    *,
    team: str,
    output_limit: int | None,
    choices: int,
) -> WireBody:
    """Return the request for one model as JSON; ``output_limit`` is the caller's, for one choice.

    Raises ``InvalidRequest`` naming what this model or its provider does not take.
    """
    can = model.capabilities
    crossed = dict(way.request(body, model=model.id, default_max_tokens=_usual_limit(model)))
    _refuse(crossed, model, provider)
    crossed = marked(crossed, model.cache.style, model.cache.min_tokens, team)
    for name in provider.drops:
        crossed.pop(name, None)
    crossed |= {"model": model.id, **provider.pins}
    limit = output_limit or _usual_limit(model)
    if provider.protocol == "openai-chat":
        _set_limit(crossed, provider.output_limit, limit)
        _ask_for_usage(crossed)
    raw = msgspec.json.encode(crossed)
    prompt = prompt_bound(
        raw, crossed, image_tokens=can.image_tokens, hidden_tokens=can.hidden_tokens
    )
    output = limit if provider.bounds_reasoning else can.context_tokens
    return WireBody(raw, Bound(prompt, output * choices))


def _usual_limit(model: Model) -> int:
    """Return the bound on output that is set where the caller sets none."""
    can = model.capabilities
    return min(can.default_max_tokens, can.max_output_tokens or can.default_max_tokens)


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


def _set_limit(body: dict[str, Any], name: str, limit: int) -> None:
    for each in _LIMITS:
        body.pop(each, None)
    body[name] = limit


def _ask_for_usage(body: dict[str, Any]) -> None:
    if body.get("stream"):
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
