"""An Anthropic Messages request as the arguments of Bedrock's ``Converse``.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and the
service model of ``bedrock-runtime`` in botocore 1.44. Converse wants the roles to alternate, so
messages of one role that follow each other become one.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.adapters.providers.converse_blocks import cache_point, parts_of, refuse_rest
from shared.domain.translation.untranslatable import CONVERSE, Untranslatable

Json = dict[str, Any]

_INFERENCE: Final = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
_CLAUDES_OWN: Final = ("thinking", "top_k")
"""Fields that Converse hands to the model as they are."""
_CARRIED: Final = frozenset({
    "model", "messages", "system", "tools", "tool_choice", "output_config", "cache_control",
    "stream", *_INFERENCE, *_CLAUDES_OWN,
})  # fmt: skip
DROPPED: Final = {
    "metadata": "An opaque user id for the provider's own abuse checks; the answer is the same.",
    "service_tier": "standard_only is what Bedrock does unless told otherwise.",
    "speed": "Standard is the only speed that the gateway accepts.",
}
"""Fields of a Messages request that need no counterpart, and why."""

_STOP_PATH: Final = "/stop_sequence"
"""Where Claude's own answer names the stop sequence it met; Converse leaves it out unless asked."""


def to_converse(body: Json) -> Json:
    """Return the arguments for a body that ``parse_messages`` would accept.

    Raises ``Untranslatable`` naming what Converse cannot carry, and ``InvalidRequest`` for data
    that is not base64.
    """
    refuse_rest(body, _CARRIED | DROPPED.keys(), "body")
    asked: Json = {"modelId": body["model"], "messages": _turns(body), **_system(body)}
    asked["inferenceConfig"] = {
        theirs: body[ours] for ours, theirs in _INFERENCE.items() if body.get(ours) is not None
    }
    if body.get("stop_sequences"):
        asked["additionalModelResponseFieldPaths"] = [_STOP_PATH]
    return asked | _tools(body, asked["messages"]) | _own_fields(body) | _output(body)


def writes_last_long(asked: Json) -> bool:
    """Tell whether any cache point asks for more than the usual five minutes."""
    tools = asked.get("toolConfig", {}).get("tools", [])
    contents = [message["content"] for message in asked["messages"]]
    parts = [part for content in (tools, asked.get("system", []), *contents) for part in content]
    return any(part.get("cachePoint", {}).get("ttl", "5m") != "5m" for part in parts)


def _turns(body: Json) -> list[Json]:
    turns: list[Json] = []
    for index, message in enumerate(body["messages"]):
        path = f"messages[{index}]"
        if message["role"] == "system":
            why = "Instructions stand at the beginning there. Send them as `system`."
            raise Untranslatable(f"{path}.role", why, to=CONVERSE)
        parts = parts_of(message["content"], f"{path}.content")
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += parts
        else:
            turns.append({"role": message["role"], "content": parts})
    return _cached_to_the_end(turns, body)


def _cached_to_the_end(turns: list[Json], body: Json) -> list[Json]:
    """Set the point that a ``cache_control`` of the whole request asks for: at its end."""
    last = turns[-1]["content"]
    if "cachePoint" not in last[-1]:
        last += cache_point(body)
    return turns


def _system(body: Json) -> Json:
    system = body.get("system")
    return {"system": parts_of(system, "system")} if system else {}


def _tools(body: Json, turns: list[Json]) -> Json:
    if not body.get("tools"):
        return {}
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice["type"] == "none":
        return _no_tools(turns)
    if choice.get("disable_parallel_tool_use"):
        why = "Calls cannot be kept from being parallel there."
        raise Untranslatable("tool_choice.disable_parallel_tool_use", why, to=CONVERSE)
    offered = [
        part
        for index, tool in enumerate(body["tools"])
        for part in (_tool(tool, f"tools[{index}]"), *cache_point(tool))
    ]
    chosen = {"name": choice["name"]} if choice["type"] == "tool" else {}
    return {"toolConfig": {"tools": offered, "toolChoice": {choice["type"]: chosen}}}


def _no_tools(turns: list[Json]) -> Json:
    """Offer no tools at all: the only way to forbid them, and not one while calls are shown."""
    shown = {name for turn in turns for part in turn["content"] for name in part}
    if shown & {"toolUse", "toolResult"}:
        why = "Tools cannot be forbidden there once they have been called."
        raise Untranslatable("tool_choice", why, to=CONVERSE)
    return {}


def _tool(tool: Json, path: str) -> Json:
    known = {"name", "input_schema", "description", "strict", "type", "cache_control"}
    without_effect = {"defer_loading", "allowed_callers"}
    given = {name: value for name, value in tool.items() if value is not False}
    refuse_rest(given, frozenset(known | without_effect), path)
    spec: Json = {"name": tool["name"], "inputSchema": {"json": tool["input_schema"]}}
    optional = {name: given[name] for name in ("description", "strict") if given.get(name)}
    return {"toolSpec": spec | optional}


def _own_fields(body: Json) -> Json:
    own = {name: body[name] for name in _CLAUDES_OWN if body.get(name) is not None}
    return {"additionalModelRequestFields": own} if own else {}


def _output(body: Json) -> Json:
    config = body.get("output_config") or {}
    made: Json = {"effort": config["effort"]} if config.get("effort") else {}
    if wanted := config.get("format"):
        schema = msgspec.json.encode(wanted["schema"]).decode()
        made["textFormat"] = {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": schema}},
        }
    return {"outputConfig": made} if made else {}
