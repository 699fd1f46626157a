"""Anthropic answers: from the events of a stream to the whole message.

A stream is stored as the message that the same call would have returned without ``stream``, so
either form can be served from the cache to either kind of caller; ``message_replay`` goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from shared.domain.completion import MalformedAnswer

FINISHED: Final = frozenset({"end_turn", "stop_sequence", "tool_use"})
"""Stop reasons of a whole answer; truncated, refused and paused answers are never cached."""


_SHAPES: Final[dict[str, dict[str, type]]] = {
    "text": {"text": str},
    "thinking": {"thinking": str},
    "tool_use": {"id": str, "name": str, "input": dict},
}
"""What the gateway itself reads of each type of block."""


class StreamedMessage:
    """Gathers the events of one stream into the message they add up to."""

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, str] = {}
        self._has_broken_input = False
        self._takers: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
            "content_block_start": self._start_block,
            "content_block_delta": self._add_delta,
            "content_block_stop": self._stop_block,
            "message_delta": self._add_message_delta,
        }

    def add(self, event: object) -> None:
        """Take one decoded event; ignores types it does not know.

        Raises :class:`MalformedAnswer` for an event out of order or out of shape, and for an
        ``error`` event.
        """
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise MalformedAnswer("an event without a type")
        if event["type"] == "error":
            raise MalformedAnswer("an error in its stream")
        if event["type"] == "message_start":
            self._start(event)
        elif taker := self._takers.get(event["type"]):
            self._begun()
            taker(event)

    @property
    def is_finished(self) -> bool:
        """Whether the message has given its stop reason."""
        return bool(self._message and self._message.get("stop_reason"))

    @property
    def usage(self) -> object:
        """The usage as far as it is known: the latest count of each kind."""
        return self._message.get("usage") if self._message else None

    def whole(self) -> dict[str, Any]:
        """Return the message as a call without ``stream`` would have returned it."""
        return {**self._begun(), "content": [self._blocks[i] for i in sorted(self._blocks)]}

    def _begun(self) -> dict[str, Any]:
        if self._message is None:
            raise MalformedAnswer("an event before message_start")
        return self._message

    def _start(self, event: dict[str, Any]) -> None:
        if self._message is not None:
            raise MalformedAnswer("a second message_start")
        message = _object(event, "message")
        usage = message.get("usage")
        self._message = {**message, "usage": dict(usage) if isinstance(usage, dict) else usage}

    def _start_block(self, event: dict[str, Any]) -> None:
        index = _index(event)
        if index != len(self._blocks):
            raise MalformedAnswer("a content block out of order")
        block = _object(event, "content_block")
        if not isinstance(block.get("type"), str):
            raise MalformedAnswer("a content block without a type")
        self._blocks[index] = dict(block)

    def _add_delta(self, event: dict[str, Any]) -> None:
        index, delta = _index(event), _object(event, "delta")
        block = self._blocks.get(index)
        if block is None:
            raise MalformedAnswer("a delta of a content block that has not begun")
        match delta.get("type"):
            case "text_delta":
                block["text"] = _grown(block, delta, "text")
            case "thinking_delta":
                block["thinking"] = _grown(block, delta, "thinking")
            case "signature_delta":
                block["signature"] = _text(delta, "signature")
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or ()), delta.get("citation")]
            case "input_json_delta":
                self._inputs[index] = self._inputs.get(index, "") + _text(delta, "partial_json")

    def _stop_block(self, event: dict[str, Any]) -> None:
        index = _index(event)
        if index not in self._blocks:
            raise MalformedAnswer("the end of a content block that has not begun")
        written = self._inputs.pop(index, "")
        if written:
            given = json_object(written)
            self._has_broken_input |= given is None
            self._blocks[index]["input"] = given or {}

    def _add_message_delta(self, event: dict[str, Any]) -> None:
        message, delta = self._begun(), _object(event, "delta")
        message.update(delta)
        usage = event.get("usage")
        if isinstance(usage, dict):
            known = message.get("usage")
            latest = {name: count for name, count in usage.items() if count is not None}
            message["usage"] = {**(known if isinstance(known, dict) else {}), **latest}
        if self._has_broken_input and _has_finished(message.get("stop_reason")):
            raise MalformedAnswer("tool input that is not a JSON object")


def _has_finished(reason: object) -> bool:
    return isinstance(reason, str) and reason in FINISHED


def json_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text holds, or ``None`` where it holds something else."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def message_stop_reason(message: object) -> str:
    """Return why a whole message stopped; raises :class:`MalformedAnswer` for another shape."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        raise MalformedAnswer("a message without content")
    for block in message["content"]:
        _check_block(block)
    if not isinstance(message.get("stop_reason"), str):
        raise MalformedAnswer("a message without a stop reason")
    return str(message["stop_reason"])


def message_is_cacheable(message: dict[str, Any]) -> bool:
    """Tell whether an answer is whole and says something."""
    return message_stop_reason(message) in FINISHED and any(
        block["type"] == "tool_use" or (block["type"] == "text" and block.get("text"))
        for block in message["content"]
    )


def _check_block(block: object) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise MalformedAnswer("a content block without a type")
    for name, kind in _SHAPES.get(block["type"], {}).items():
        if not isinstance(block.get(name), kind):
            raise MalformedAnswer(f"a {block['type']} block without its {name}")


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise MalformedAnswer(f"an event without its {name}")
    return value


def _index(event: dict[str, Any]) -> int:
    index = event.get("index")
    if type(index) is not int:
        raise MalformedAnswer("an event of a content block without its index")
    return index


def _text(delta: dict[str, Any], name: str) -> str:
    value = delta.get(name)
    if not isinstance(value, str):
        raise MalformedAnswer(f"a delta without its {name}")
    return value


def _grown(block: dict[str, Any], delta: dict[str, Any], name: str) -> str:
    current = block.get(name)
    if not isinstance(current, str):
        raise MalformedAnswer(f"a delta of {name} in a block of another type")
    return current + _text(delta, name)
