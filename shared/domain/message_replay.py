"""From a whole Anthropic message to the events of a stream that says the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from shared.domain.message_stream import message_stop_reason

_AT_THE_END: Final = ("stop_reason", "stop_sequence", "stop_details", "container")
_USAGE_AT_THE_END: Final = (
    "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens",
    "output_tokens_details", "server_tool_use",
)  # fmt: skip

NamedEvent = tuple[str, dict[str, Any]]
"""The name of an event and its data."""


def replay_message(message: dict[str, Any], notes: dict[str, Any]) -> Iterator[NamedEvent]:
    """Yield the events of a stream that says the same as a stored message.

    ``message_delta`` carries ``notes`` as its ``sluice`` object. Raises ``MalformedAnswer``
    for what is no message.
    """
    message_stop_reason(message)
    yield _event("message_start", message=_opening(message))
    for index, block in enumerate(message["content"]):
        start, deltas = _taken_apart(block)
        yield _event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ending = {name: message[name] for name in _AT_THE_END if name in message}
    yield _event("message_delta", delta=ending, usage=_final_usage(message), sluice=notes)
    yield _event("message_stop")


def _event(name: str, **fields: Any) -> NamedEvent:
    return name, {"type": name, **fields}


def _opening(message: dict[str, Any]) -> dict[str, Any]:
    unknown_yet: dict[str, None] = {name: None for name in _AT_THE_END if name in message}
    return {**message, "content": [], **unknown_yet}


def _final_usage(message: dict[str, Any]) -> dict[str, Any]:
    usage = message.get("usage")
    known = usage if isinstance(usage, dict) else {}
    return {name: known[name] for name in _USAGE_AT_THE_END if name in known}


def _taken_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the block as it starts and the deltas that complete it."""
    match block["type"]:
        case "text":
            return _text_apart(block)
        case "thinking":
            return {**block, "thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block.get("signature", "")},
            ]
        case "tool_use":
            written = msgspec.json.encode(block["input"]).decode()
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": written}]
    return block, []


def _text_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    citations = block.get("citations")
    start = {**block, "text": ""}
    if citations:
        start["citations"] = []
    deltas: list[dict[str, Any]] = [{"type": "text_delta", "text": block["text"]}]
    deltas += [{"type": "citations_delta", "citation": each} for each in citations or ()]
    return start, deltas
