"""Tools, tool choices and tool calls, from OpenAI chat to Anthropic messages and back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from shared.domain.message_stream import json_object
from shared.domain.translation.claude import rules_of
from shared.domain.translation.ids import tool_id
from shared.domain.translation.untranslatable import CHAT, MESSAGES, Untranslatable

Json = dict[str, Any]

_CHAT_NAME_LIMIT: Final = 64
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}
_CHOICES_BACK: Final = {there: here for here, there in _CHOICES.items()}
_CUSTOM: Final = "Custom tools take free text; there a tool takes a JSON object."


def tools_for_messages(body: Json, model: str) -> Json:
    """Return ``tools`` and ``tool_choice`` of a chat request for Anthropic."""
    tools = [_tool_block(tool, f"tools[{i}]") for i, tool in enumerate(body.get("tools") or ())]
    choice = _choice_for_messages(body)
    if not tools:
        if choice is not None and choice["type"] not in {"auto", "none"}:
            raise Untranslatable("tool_choice", "It needs tools.", to=MESSAGES)
        return {}
    if is_forced(choice) and not rules_of(model).can_force_tools:
        why = f"{model} cannot be made to call a tool. Send auto and say so in the text."
        raise Untranslatable("tool_choice", why, to=MESSAGES)
    return {"tools": tools, **({"tool_choice": choice} if choice else {})}


def tools_for_chat(body: Json) -> Json:
    """Return ``tools``, ``tool_choice`` and ``parallel_tool_calls`` for OpenAI."""
    tools = [_chat_tool(tool, f"tools[{i}]") for i, tool in enumerate(body.get("tools") or ())]
    choice = body.get("tool_choice") or {}
    kind = choice.get("type")
    if not tools:
        if kind in {"any", "tool"}:
            raise Untranslatable("tool_choice", "It needs tools.", to=CHAT)
        return {}
    fields: Json = {"tools": tools}
    if kind == "tool":
        fields["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif kind is not None:
        fields["tool_choice"] = _CHOICES_BACK[kind]
    if choice.get("disable_parallel_tool_use") is not None:
        fields["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return fields


def is_forced(choice: Json | None) -> bool:
    """Tell whether an Anthropic tool choice makes the model call a tool."""
    return choice is not None and choice["type"] in {"any", "tool"}


def tool_use(call: Json, path: str) -> Json:
    """Return the block of a tool call that the model made earlier."""
    if call["type"] != "function":
        raise Untranslatable(f"{path}.type", _CUSTOM, to=MESSAGES)
    function = call["function"]
    given = json_object(function["arguments"] or "{}")
    if given is None:
        why = "Tool input is a JSON object there."
        raise Untranslatable(f"{path}.function.arguments", why, to=MESSAGES)
    return {
        "type": "tool_use",
        "id": tool_id(call["id"]),
        "name": function["name"],
        "input": given,
    }


def tool_call(block: Json) -> Json:
    """Return the call that a ``tool_use`` block says."""
    return {
        "id": block["id"],
        "type": "function",
        "function": {"name": block["name"], "arguments": arguments_of(block["input"])},
    }


def arguments_of(given: Json) -> str:
    """Return tool input as the JSON text that OpenAI calls arguments."""
    return msgspec.json.encode(given).decode()


def _tool_block(tool: Json, path: str) -> Json:
    if tool["type"] != "function":
        raise Untranslatable(f"{path}.type", _CUSTOM, to=MESSAGES)
    function = tool["function"]
    block: Json = {
        "name": function["name"],
        "input_schema": _input_schema(function.get("parameters") or {}, path),
    }
    kept = {name: function[name] for name in ("description", "strict") if function.get(name)}
    return block | kept


def _input_schema(parameters: Json, path: str) -> Json:
    if parameters.get("type", "object") != "object":
        why = "Tool input is a JSON object there."
        raise Untranslatable(f"{path}.function.parameters", why, to=MESSAGES)
    return {"type": "object", **parameters}


def _choice_for_messages(body: Json) -> Json | None:
    asked = body.get("tool_choice")
    parallel = body.get("parallel_tool_calls")
    choice = _choice_block(asked) if asked is not None else None
    if parallel is None or (choice and choice["type"] == "none"):
        return choice
    return {**(choice or {"type": "auto"}), "disable_parallel_tool_use": not parallel}


def _choice_block(asked: str | Json) -> Json:
    if isinstance(asked, str):
        return {"type": _CHOICES[asked]}
    if asked["type"] == "function":
        return {"type": "tool", "name": asked["function"]["name"]}
    why = _CUSTOM if asked["type"] == "custom" else "Send only the tools that are allowed."
    raise Untranslatable("tool_choice", why, to=MESSAGES)


def _chat_tool(tool: Json, path: str) -> Json:
    if len(tool["name"]) > _CHAT_NAME_LIMIT:
        why = f"Names of tools are at most {_CHAT_NAME_LIMIT} characters there."
        raise Untranslatable(f"{path}.name", why, to=CHAT)
    if tool.get("input_examples"):
        why = "Examples of input do not exist there. Put them into the description."
        raise Untranslatable(f"{path}.input_examples", why, to=CHAT)
    kept = {name: tool[name] for name in ("description", "strict") if tool.get(name)}
    return {
        "type": "function",
        "function": {"name": tool["name"], "parameters": tool["input_schema"], **kept},
    }
