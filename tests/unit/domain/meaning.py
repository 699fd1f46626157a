"""What a request asks for, whichever protocol says it: written apart from the translators."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
Said = list[tuple[str, list[tuple[Any, ...]]]]

_ORDER = {"result": 0, "text": 1, "image": 1, "call": 2}
"""Results stand first in a user turn, and calls last in the model's: chat has no other order."""


def of_chat(body: Json) -> Json:
    """Return the meaning of a chat request."""
    system: list[Any] = []
    turns: Said = []
    for message in body["messages"]:
        if message["role"] in {"system", "developer"}:
            system += _chat_items(message["content"])
        else:
            _join(turns, *_chat_turn(message))
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        choice = ("tool", choice["function"]["name"])
    tools = [_chat_tool(tool["function"]) for tool in body.get("tools") or ()]
    schema = (body.get("response_format") or {}).get("json_schema") or {}
    stop = body.get("stop")
    return {
        "system": system,
        "turns": _ordered(turns),
        "tools": tools,
        "choice": choice,
        "parallel": None if choice == "none" else body.get("parallel_tool_calls"),
        "limit": body.get("max_completion_tokens"),
        "stops": [stop] if isinstance(stop, str) else stop,
        "effort": {"minimal": "low"}.get(str(body.get("reasoning_effort")))
        or body.get("reasoning_effort"),
        "schema": schema.get("schema"),
        "user": body.get("user"),
        "standard": body.get("service_tier") == "default",
        "implicit_cache": body.get("prompt_cache_options") is not None,
        **_same(body),
    }


def of_messages(body: Json) -> Json:
    """Return the meaning of a Messages request."""
    turns: Said = []
    for message in body["messages"]:
        _join(turns, message["role"], _items(message["content"]))
    choice = body.get("tool_choice") or {}
    named = {"auto": "auto", "any": "required", "none": "none", None: None}
    alone = choice.get("disable_parallel_tool_use")
    output = body.get("output_config") or {}
    thinking = (body.get("thinking") or {}).get("type")
    return {
        "system": _items(body.get("system") or []),
        "turns": _ordered(turns),
        "tools": [
            (tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
            for tool in body.get("tools") or ()
        ],
        "choice": ("tool", choice["name"]) if "name" in choice else named[choice.get("type")],
        "parallel": None if alone is None else not alone,
        "limit": body["max_tokens"],
        "stops": body.get("stop_sequences"),
        "effort": output.get("effort") or ("none" if thinking == "disabled" else None),
        "schema": (output.get("format") or {}).get("schema"),
        "user": (body.get("metadata") or {}).get("user_id"),
        "standard": body.get("service_tier") == "standard_only",
        "implicit_cache": body.get("cache_control") is not None,
        **_same(body),
    }


def _same(body: Json) -> Json:
    return {name: body.get(name) for name in ("temperature", "top_p", "stream")}


def _join(turns: Said, role: str, items: list[tuple[Any, ...]]) -> None:
    if items and turns and turns[-1][0] == role:
        turns[-1][1].extend(items)
    elif items:
        turns.append((role, list(items)))


def _ordered(turns: Said) -> Said:
    return [(role, sorted(items, key=lambda item: _ORDER[item[0]])) for role, items in turns]


def _chat_turn(message: Json) -> tuple[str, list[tuple[Any, ...]]]:
    items = _chat_items(message["content"])
    if message["role"] == "tool":
        is_marked = any(item[2] for item in items)
        return "user", [("result", message["tool_call_id"], [i[1] for i in items], is_marked)]
    for call in message.get("tool_calls") or ():
        function = call["function"]
        items.append(("call", call["id"], function["name"], json.loads(function["arguments"])))
    return message["role"], items


def _chat_items(content: Any) -> list[tuple[Any, ...]]:
    if isinstance(content, str):
        return [("text", content, False)]
    return [
        ("text", part["text"], "prompt_cache_breakpoint" in part)
        if part["type"] == "text"
        else ("image", part["image_url"]["url"], "prompt_cache_breakpoint" in part)
        for part in content or ()
    ]


def _chat_tool(function: Json) -> tuple[Any, ...]:
    parameters = function.get("parameters") or {"type": "object"}
    return function["name"], function.get("description"), parameters, function.get("strict")


def _items(content: Any) -> list[tuple[Any, ...]]:
    if isinstance(content, str):
        return [("text", content, False)]
    return [item for block in content if (item := _item(block)) is not None]


def _item(block: Json) -> tuple[Any, ...] | None:
    is_marked = "cache_control" in block
    match block["type"]:
        case "text":
            return "text", block["text"], is_marked
        case "image":
            source = block["source"]
            data = f"data:{source.get('media_type')};base64,{source.get('data')}"
            return "image", source.get("url") or data, is_marked
        case "tool_use":
            return "call", block["id"], block["name"], block["input"]
        case "tool_result":
            items = _items(block.get("content") or [])
            is_marked |= any(item[2] for item in items)
            return "result", block["tool_use_id"], [item[1] for item in items], is_marked
    return None
