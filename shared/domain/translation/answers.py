"""Whole answers, from Anthropic messages to OpenAI completions and back.

Thinking becomes ``reasoning_content`` and back, without its signature; redacted thinking and
citations have no place in a completion. What a refusal explains becomes ``refusal`` and back.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from shared.domain.completion import MalformedAnswer, finish_reasons
from shared.domain.message_stream import FINISHED, json_object, message_stop_reason
from shared.domain.translation.ids import completion_id, message_id, tool_id
from shared.domain.translation.stops import finish_reason, stop_reason
from shared.domain.translation.tools import tool_call
from shared.domain.translation.usage import chat_usage, messages_usage

Json = dict[str, Any]

UNSIGNED: Final = ""
"""The signature of thinking that Anthropic did not sign; the translation back drops it."""


def message_to_completion(message: Json, *, created: int) -> Json:
    """Return the completion that says what a message says; ``created`` is in Unix seconds.

    Raises ``MalformedAnswer`` for what is no message.
    """
    choice = {
        "index": 0,
        "message": _spoken(message, message_stop_reason(message)),
        "logprobs": None,
        "finish_reason": finish_reason(message["stop_reason"]),
    }
    return {
        "id": completion_id(message.get("id")),
        "object": "chat.completion",
        "created": created,
        "model": str(message.get("model", "")),
        "choices": [choice],
        "usage": chat_usage(message.get("usage")),
    }


def refusal_text(stop: object, details: object) -> str | None:
    """Return what a refusing message explains, if it does."""
    explained = details.get("explanation") if isinstance(details, dict) else None
    return explained if stop == "refusal" and isinstance(explained, str) else None


def _spoken(message: Json, stop: str) -> Json:
    blocks = message["content"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    calls = [tool_call(block) for block in blocks if block["type"] == "tool_use"]
    return {
        "role": "assistant",
        "content": "".join(texts) or None,
        "refusal": refusal_text(stop, message.get("stop_details")) or None,
        **({"reasoning_content": "".join(thoughts)} if any(thoughts) else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def completion_to_message(
    completion: Json, *, reasoning: Literal["inside", "outside"] = "inside"
) -> Json:
    """Return the message that says what a completion of one choice says.

    ``reasoning`` tells whether the provider counts hidden reasoning in its completion tokens.
    Raises ``MalformedAnswer`` for what is no such completion.
    """
    finish = finish_reasons(completion, 1)[0]
    said = completion["choices"][0]["message"]
    refusal = _text(said, "refusal")
    calls = calls_of(said.get("tool_calls"))
    stop = stop_reason(finish, has_calls=bool(calls), has_refused=bool(refusal))
    identity = message_id(completion.get("id"))
    return {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": str(completion.get("model", "")),
        "content": [
            *_thinking(_text(said, "reasoning_content")),
            *_texts(_text(said, "content") + refusal),
            *(tool_block(call, identity, i, stop) for i, call in enumerate(calls)),
        ],
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": refusal_details(stop, refusal),
        "usage": messages_usage(completion.get("usage"), reasoning=reasoning),
    }


def refusal_details(stop: str, refusal: str) -> Json | None:
    """Return the details of a refusal, or ``None`` where nothing was refused in words."""
    if stop != "refusal" or not refusal:
        return None
    return {"type": "refusal", "category": None, "explanation": refusal}


def calls_of(found: object) -> list[Json]:
    """Return the function calls of a completion; raises ``MalformedAnswer`` for other things."""
    if found is None:
        return []
    if not isinstance(found, list):
        raise MalformedAnswer("tool calls that are not a list")
    for call in found:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise MalformedAnswer("a tool call without a function")
    return found


def tool_block(call: Json, of_message: str, position: int, stop: str) -> Json:
    """Return the ``tool_use`` block of a call; a call that was cut short has no input."""
    return {
        "type": "tool_use",
        "id": call_id(call, of_message, position),
        "name": call["function"]["name"],
        "input": tool_input(call["function"].get("arguments"), stop),
    }


def call_id(call: Json, of_message: str, position: int) -> str:
    """Return the id of a call, made from its place where the provider gave none."""
    given = call.get("id")
    return tool_id(given if isinstance(given, str) and given else f"{of_message}_{position}")


def tool_input(arguments: object, stop: str) -> Json:
    """Return the object that arguments say; raises ``MalformedAnswer`` in a finished answer."""
    given = json_object(arguments or "{}") if isinstance(arguments, str | None) else None
    if given is None and stop in FINISHED:
        raise MalformedAnswer("tool arguments that are not a JSON object")
    return given or {}


def _thinking(text: str) -> list[Json]:
    return [{"type": "thinking", "thinking": text, "signature": UNSIGNED}] if text else []


def _texts(text: str) -> list[Json]:
    return [{"type": "text", "text": text}] if text else []


def _text(said: Json, name: str) -> str:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise MalformedAnswer(f"a {name} that is not text")
    return value or ""
