"""An Anthropic Messages request as an OpenAI chat request.

Tool results leave their user turn and become ``tool`` messages ahead of the rest of it. Thinking
in the history is dropped: its signature means nothing to another provider. A failed tool result
begins with ``Error:``, because ``tool`` messages carry no such flag. Markers on tools and calls
are dropped: they steer the cost of a prefix, not the answer, and chat has no place for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.translation.contents import chat_marker, part_from, parts_from, shortest
from shared.domain.translation.effort import effort_for_chat
from shared.domain.translation.sampling import sampling_for_chat, stops_for_chat
from shared.domain.translation.tools import tool_call, tools_for_chat
from shared.domain.translation.untranslatable import CHAT, Untranslatable, refuse_messages_fields

Json = dict[str, Any]

SCHEMA_NAME: Final = "answer"
"""OpenAI wants a name for a schema; Anthropic gives none."""

FAILED: Final = "Error: "
"""What a failed tool result begins with."""


def messages_to_chat(body: Json, *, model: str) -> Json:
    """Return the chat body of a Messages body that ``parse_messages`` accepted.

    A stream is asked for with its usage, as Anthropic's always carry it. Raises
    :class:`Untranslatable` naming the field that has no counterpart.
    """
    refuse_messages_fields(body)
    fields: Json = {
        "model": model,
        "messages": list(_messages(body)),
        "max_completion_tokens": body["max_tokens"],
    }
    fields |= tools_for_chat(body)
    fields |= sampling_for_chat(body)
    fields |= stops_for_chat(body.get("stop_sequences"))
    effort = effort_for_chat(body)
    if effort is not None:
        fields["reasoning_effort"] = effort
    return fields | _format(body) | _account(body)


def _format(body: Json) -> Json:
    asked = (body.get("output_config") or {}).get("format")
    if not asked:
        return {}
    named = {"name": SCHEMA_NAME, "schema": asked["schema"], "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _account(body: Json) -> Json:
    fields: Json = {}
    user = (body.get("metadata") or {}).get("user_id")
    if user:
        fields["user"] = user
    if body.get("service_tier") == "standard_only":
        fields["service_tier"] = "default"
    if body.get("cache_control"):
        fields["prompt_cache_options"] = {"mode": "implicit"}
    if body.get("stream") is not None:
        fields["stream"] = body["stream"]
    if body.get("stream"):
        fields["stream_options"] = {"include_usage": True}
    return fields


def _messages(body: Json) -> Iterator[Json]:
    system = list(parts_from(body.get("system"), "system"))
    if system:
        yield {"role": "system", "content": shortest(system)}
    if body["messages"][-1]["role"] == "assistant":
        why = "An answer that is begun cannot be written on there."
        raise Untranslatable(f"messages[{len(body['messages']) - 1}]", why, to=CHAT)
    for index, message in enumerate(body["messages"]):
        yield from _turn(message, f"messages[{index}].content")


def _turn(message: Json, path: str) -> Iterator[Json]:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if message["role"] == "assistant":
        yield from _assistant(blocks, path)
        return
    said: list[Json] = []
    for index, block in enumerate(blocks):
        if block["type"] == "tool_result":
            yield _tool_message(block, f"{path}[{index}].content")
        else:
            said.append(part_from(block, f"{path}[{index}]"))
    if said:
        yield {"role": message["role"], "content": shortest(said)}


def _tool_message(block: Json, path: str) -> Json:
    content = block.get("content") or ""
    texts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for index, each in enumerate(texts):
        if each["type"] == "image":
            why = "Tools answer with text only there. Send the image in a user message."
            raise Untranslatable(f"{path}[{index}]", why, to=CHAT)
    parts = [part_from(each, f"{path}[{index}]") for index, each in enumerate(texts)]
    if block.get("is_error"):
        parts = [{"type": "text", "text": FAILED + _first_text(parts)}, *parts[1:]]
    if parts:
        parts[-1] |= chat_marker(block)
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": shortest(parts)}


def _first_text(parts: list[Json]) -> str:
    return str(parts[0]["text"]) if parts else ""


def _assistant(blocks: list[Json], path: str) -> Iterator[Json]:
    parts = [
        part_from(block, f"{path}[{index}]")
        for index, block in enumerate(blocks)
        if block["type"] == "text"
    ]
    calls = [tool_call(block) for block in blocks if block["type"] == "tool_use"]
    message: Json = {"role": "assistant", "content": shortest(parts) if parts else None}
    if calls:
        message["tool_calls"] = calls
    if parts or calls:
        yield message
