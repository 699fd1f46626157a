"""An OpenAI chat request as an Anthropic Messages request.

All instructions move into ``system``, in order, as Anthropic's own compatibility endpoint does:
https://platform.claude.com/docs/en/api/openai-sdk. Messages of the same side that follow each
other become one turn, and the results of parallel calls one user turn. Reasoning in the history
is dropped: Anthropic takes only thinking that it signed itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.translation.contents import blocks_from, is_marked, shortest
from shared.domain.translation.effort import effort_for_messages
from shared.domain.translation.ids import tool_id
from shared.domain.translation.sampling import sampling_for_messages, stops_for_messages
from shared.domain.translation.tools import is_forced, tool_use, tools_for_messages
from shared.domain.translation.untranslatable import MESSAGES, Untranslatable, refuse_chat_fields

Json = dict[str, Any]


def chat_to_messages(body: Json, *, model: str, max_tokens_default: int) -> Json:
    """Return the Messages body of a chat body that ``parse_chat`` accepted.

    ``max_tokens_default`` is given where the caller set no limit, which Anthropic demands.
    Raises :class:`Untranslatable` naming the field that has no counterpart.
    """
    refuse_chat_fields(body)
    system, turns = _conversation(body["messages"])
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or max_tokens_default
    fields: Json = {"model": model, "max_tokens": limit, "messages": turns}
    if system:
        fields["system"] = shortest(system)
    fields |= tools_for_messages(body, model)
    fields |= _output(body, model, tool_is_forced=is_forced(fields.get("tool_choice")))
    fields |= sampling_for_messages(body, model)
    fields |= stops_for_messages(body.get("stop"))
    return fields | _account(body)


def _output(body: Json, model: str, *, tool_is_forced: bool) -> Json:
    effort = body.get("reasoning_effort")
    fields = effort_for_messages(effort, model, tool_is_forced=tool_is_forced)
    format_ = _format(body.get("response_format") or {"type": "text"})
    if format_ is not None:
        fields["output_config"] = {**fields.get("output_config", {}), "format": format_}
    return fields


def _format(asked: Json) -> Json | None:
    if asked["type"] == "text":
        return None
    named = asked.get("json_schema") or {}
    if named.get("schema") is None:
        why = "JSON without a schema does not exist there. Send a json_schema."
        raise Untranslatable("response_format", why, to=MESSAGES)
    about = {"description": named["description"]} if named.get("description") else {}
    return {"type": "json_schema", "schema": {**about, **named["schema"]}}


def _account(body: Json) -> Json:
    fields: Json = {}
    for name in (body.get("metadata") or {}).keys() - {"user_id"}:
        why = "Only user_id is kept there."
        raise Untranslatable(f"metadata.{name}", why, to=MESSAGES)
    user = body.get("safety_identifier") or body.get("user")
    user = user or (body.get("metadata") or {}).get("user_id")
    if user:
        fields["metadata"] = {"user_id": user}
    if body.get("service_tier") == "default":
        fields["service_tier"] = "standard_only"
    if (body.get("prompt_cache_options") or {}).get("mode") == "implicit":
        fields["cache_control"] = {"type": "ephemeral"}
    if body.get("stream") is not None:
        fields["stream"] = body["stream"]
    return fields


def _conversation(messages: list[Json]) -> tuple[list[Json], list[Json]]:
    """Return the blocks of the instructions, and the turns."""
    system: list[Json] = []
    turns: list[tuple[str, list[Json]]] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        _refuse_name(message, path)
        role, blocks = _said(message, path)
        if role == "system":
            system += blocks
        elif blocks and turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns or turns[-1][0] != "user":
        why = "The last word must be the user's or a tool's; Anthropic would write it on."
        raise Untranslatable("messages", why, to=MESSAGES)
    return system, [{"role": role, "content": shortest(blocks)} for role, blocks in turns]


def _refuse_name(message: Json, path: str) -> None:
    if message["role"] == "function":
        raise Untranslatable(f"{path}.role", "Send it as a tool message.", to=MESSAGES)
    if message.get("name") is not None:
        why = "Messages carry no name there. Write it into the text."
        raise Untranslatable(f"{path}.name", why, to=MESSAGES)


def _said(message: Json, path: str) -> tuple[str, list[Json]]:
    """Return whose turn a message belongs to, and its blocks."""
    match message["role"]:
        case "system" | "developer":
            return "system", list(blocks_from(message["content"], f"{path}.content"))
        case "assistant":
            return "assistant", list(_assistant_blocks(message, path))
        case "tool":
            return "user", [_tool_result(message, path)]
    blocks = list(blocks_from(message["content"], f"{path}.content"))
    if not blocks:
        raise Untranslatable(f"{path}.content", "An empty message is refused there.", to=MESSAGES)
    return "user", blocks


def _assistant_blocks(message: Json, path: str) -> Iterator[Json]:
    if message.get("function_call") is not None:
        raise Untranslatable(f"{path}.function_call", "Send it as tool_calls.", to=MESSAGES)
    yield from blocks_from(message.get("content"), f"{path}.content")
    yield from blocks_from(message.get("refusal"), f"{path}.refusal")
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield tool_use(call, f"{path}.tool_calls[{index}]")


def _tool_result(message: Json, path: str) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": tool_id(message["tool_call_id"])}
    parts = list(blocks_from(message["content"], f"{path}.content"))
    texts = [{"type": "text", "text": part["text"]} for part in parts]
    if texts:
        block["content"] = shortest(texts)
    if is_marked(message["content"]):
        block["cache_control"] = {"type": "ephemeral"}
    return block
