"""A stream of OpenAI chunks as a stream of Anthropic events, chunk by chunk.

Anthropic's blocks come one after the other, OpenAI's deltas name the call they belong to. Text,
reasoning and the first call flow as they come; the calls beside it wait for the end, so that
deltas may arrive in any order.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from shared.domain.completion import MalformedAnswer, StreamedCompletion
from shared.domain.translation.answers import (
    UNSIGNED,
    call_id,
    calls_of,
    refusal_details,
    tool_block,
)
from shared.domain.translation.ids import message_id
from shared.domain.translation.stops import stop_reason
from shared.domain.translation.tools import arguments_of
from shared.domain.translation.usage import NO_USAGE, messages_usage

Json = dict[str, Any]

_KINDS: Final = {"reasoning_content": "thinking", "content": "text", "refusal": "text"}
"""The type of block that each field of a delta goes to."""

_STARTS: Final[dict[str, Json]] = {
    "thinking": {"type": "thinking", "thinking": "", "signature": UNSIGNED},
    "text": {"type": "text", "text": ""},
}


class ChunksToMessageStream:
    """Turns the chunks of one choice into the events of the message they amount to.

    The tokens are known at the end only: ``message_start`` shows zeros, and ``message_delta``
    what was counted. ``reasoning`` tells whether hidden reasoning is in the completion tokens.
    """

    def __init__(self, *, reasoning: Literal["inside", "outside"] = "inside") -> None:
        self._reasoning: Final = reasoning
        self._gathered = StreamedCompletion(1)
        self._id = ""
        self._blocks = _Blocks()
        self._calls = _Calls()

    @property
    def gathered(self) -> StreamedCompletion:
        """The completion as far as it has come, in the provider's own terms."""
        return self._gathered

    def feed(self, chunk: object) -> list[Json]:
        """Return the events that a chunk amounts to; raises ``MalformedAnswer``."""
        deltas = _deltas(chunk)
        self._gathered.add(chunk)
        events = []
        if not self._id and isinstance(chunk, dict):
            self._id = message_id(chunk.get("id"))
            events.append(_message_start(self._id, chunk))
        for delta in deltas:
            events += self._said(delta)
        return events

    def end(self) -> list[Json]:
        """Return the events that end the message, from the end of its last block on.

        Raises ``MalformedAnswer`` where the answer is not finished or makes no sense as a whole.
        """
        if not self._gathered.is_finished:
            raise MalformedAnswer("a stream without its finish reason")
        whole = self._gathered.whole()
        choice = whole["choices"][0]
        calls = calls_of(choice["message"].get("tool_calls"))
        refusal = choice["message"].get("refusal") or ""
        stop = stop_reason(
            choice["finish_reason"], has_calls=bool(calls), has_refused=bool(refusal)
        )
        events = self._blocks.close()
        for place, call in enumerate(calls):
            block = tool_block(call, self._id, place, stop)
            if place != self._calls.live:
                events += self._whole_call(block)
        usage = messages_usage(whole["usage"], reasoning=self._reasoning)
        return [*events, *_ending(stop, refusal, usage)]

    def _said(self, delta: Json) -> list[Json]:
        events = []
        for name, kind in _KINDS.items():
            if delta.get(name):
                events += self._blocks.grow(kind, delta[name])
        for call in delta.get("tool_calls") or ():
            events += self._called(call)
        return events

    def _called(self, call: Json) -> list[Json]:
        place = self._calls.place(call)
        function = call.get("function") or {}
        events = []
        if self._calls.live is None and place == 0 and function.get("name"):
            self._calls.live = place
            start = {"type": "tool_use", "id": call_id(call, self._id, place)}
            events += self._blocks.start({**start, "name": function["name"], "input": {}})
        if place == self._calls.live and function.get("arguments"):
            events += self._blocks.grow_call(function["arguments"])
        return events

    def _whole_call(self, block: Json) -> list[Json]:
        written = arguments_of(block["input"])
        return [
            *self._blocks.start({**block, "input": {}}),
            *self._blocks.grow_call(written),
            *self._blocks.close(),
        ]


class _Calls:
    """Where each call stands in the completion, and which one flows."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._count = 0
        self.live: int | None = None

    def place(self, call: Json) -> int:
        """Return the place of the call that a delta belongs to; without an index, a new one."""
        index = call.get("index")
        if isinstance(index, int) and index in self._places:
            return self._places[index]
        place = self._count
        self._count += 1
        if isinstance(index, int):
            self._places[index] = place
        return place


class _Blocks:
    """The blocks of a message, of which one is open at a time."""

    def __init__(self) -> None:
        self._index = -1
        self._open: str | None = None

    def grow(self, kind: str, text: str) -> list[Json]:
        """Add text to the open block of a kind, or to a new one."""
        events = [] if self._open == kind else self.start(_STARTS[kind])
        return [*events, self._delta({"type": f"{kind}_delta", kind: text})]

    def grow_call(self, text: str) -> list[Json]:
        """Add input to the open call; raises ``MalformedAnswer`` where it has been closed."""
        if self._open != "tool_use":
            raise MalformedAnswer("a tool call that goes on after other content")
        return [self._delta({"type": "input_json_delta", "partial_json": text})]

    def start(self, block: Json) -> list[Json]:
        """Close the open block and begin this one."""
        events = self.close()
        self._index += 1
        self._open = block["type"]
        start = {"type": "content_block_start", "index": self._index, "content_block": block}
        return [*events, start]

    def close(self) -> list[Json]:
        """End the open block, if there is one."""
        if self._open is None:
            return []
        self._open = None
        return [{"type": "content_block_stop", "index": self._index}]

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def _message_start(identity: str, chunk: Json) -> Json:
    message: Json = {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": str(chunk.get("model", "")),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": dict.fromkeys(NO_USAGE, 0),
    }
    return {"type": "message_start", "message": message}


def _ending(stop: str, refusal: str, usage: Json) -> list[Json]:
    delta = {
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": refusal_details(stop, refusal),
    }
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def _deltas(chunk: object) -> list[Json]:
    """Return the deltas of a chunk, checked as far as they are read here."""
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    found = [
        choice["delta"]
        for choice in (choices if isinstance(choices, list) else ())
        if isinstance(choice, dict) and isinstance(choice.get("delta"), dict)
    ]
    for delta in found:
        _check(delta)
    return found


def _check(delta: Json) -> None:
    for name in _KINDS:
        if not isinstance(delta.get(name), str | None):
            raise MalformedAnswer(f"a {name} that is not text")
    calls = delta.get("tool_calls")
    if not isinstance(calls, list | None):
        raise MalformedAnswer("tool calls that are not a list")
    for call in calls or ():
        function = call.get("function") if isinstance(call, dict) else 0
        if not isinstance(function, dict | None):
            raise MalformedAnswer("a tool call without a function")
        if not all(isinstance(text, str | None) for text in (function or {}).values()):
            raise MalformedAnswer("a tool call that is not text")
