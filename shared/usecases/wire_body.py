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
from shared.domain.prompt_cache import marked, may_last

_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_IMAGES: Final = frozenset({"image", "image_url"})
_FORCING: Final = frozenset({"required", "function", "custom", "any", "tool"})
"""Tool choices that force a call, in OpenAI's words and in Anthropic's."""


@dataclass(frozen=True)
class WireBody:
    """A request as one provider is sent it, and its bound in tokens.

    ``may_last``: its prompt-cache marker is ours, and may be one for an hour.
    """

    raw: bytes
    bound: Bound
    may_last: bool = False


def wire_body(
    body: Body,
    model: Model,
    provider: Provider,
    way: Crossing,
    *,
    team: str,
    output_limit: int | None,
    choices: int,
    alike: int = 0,
) -> WireBody:
    """Return the request for one model as JSON; ``output_limit`` is the caller's, for one choice.

    ``alike``: so many lines of its batch start the same way.

    Raises ``InvalidRequest`` naming what this model or its provider does not take.
    """
    _refuse_beyond(body, model)
    can, limit = model.capabilities, output_limit or _usual_limit(model)
    crossed = dict(way.request(body, model=model.id, default_max_tokens=limit))
    _refuse(crossed, model, provider)
    unmarked, style = crossed, model.cache.style
    crossed = marked(unmarked, style, model.cache.min_tokens, team, alike=alike)
    lasts = may_last(unmarked, crossed, style)
    for name in provider.drops:
        crossed.pop(name, None)
    crossed |= {"model": model.id, **provider.pins}
    if provider.protocol == "openai-chat":
        _set_limit(crossed, provider.output_limit, limit)
        _ask_for_usage(crossed)
    raw = msgspec.json.encode(crossed)
    prompt = prompt_bound(
        raw, crossed, image_tokens=can.image_tokens, hidden_tokens=can.hidden_tokens
    )
    output = limit if provider.bounds_reasoning else can.context_tokens
    return WireBody(raw, Bound(prompt, output * choices), lasts)


def _usual_limit(model: Model) -> int:
    """Return the bound on output that is set where the caller sets none."""
    can = model.capabilities
    return min(can.default_max_tokens, can.max_output_tokens or can.default_max_tokens)


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


def _set_limit(body: dict[str, Any], name: str, limit: int) -> None:
    for each in _LIMITS:
        body.pop(each, None)
    body[name] = limit


def _ask_for_usage(body: dict[str, Any]) -> None:
    if body.get("stream"):
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
