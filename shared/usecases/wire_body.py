"""The body that a provider is sent.

The caller's, translated where door and provider differ, with our model, pins and switches.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shared.catalog import Model, Provider
from shared.domain.crossing import Body, Crossing

_LIMITS = ("max_tokens", "max_completion_tokens")


def wire_body(body: Body, model: Model, provider: Provider, way: Crossing) -> bytes:
    """Return the request for one model as JSON; raises ``InvalidRequest``."""
    crossed = dict(way.request(body, model=model.id, default_max_tokens=4096))
    crossed |= {"model": model.id, **provider.pins}
    if provider.protocol == "openai-chat":
        _set_limit(crossed, provider.output_limit)
        _ask_for_usage(crossed)
    return msgspec.json.encode(crossed)


def _set_limit(body: dict[str, Any], name: str) -> None:
    for each in _LIMITS:
        if (limit := body.pop(each, None)) is not None:
            body[name] = limit


def _ask_for_usage(body: dict[str, Any]) -> None:
    if body.get("stream"):
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
