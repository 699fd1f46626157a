"""OpenAI chat answers: from stream chunks to a whole completion, and back.

A stream is stored as the completion that the same call would have returned without
``stream``, so either form can be served from the cache to either kind of caller.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

FINISHED: Final = frozenset({"stop", "tool_calls", "function_call"})
"""Finish reasons of a whole answer; truncated and filtered answers are never cached."""

_KEPT_FROM_CHUNKS: Final = ("id", "created", "model", "service_tier", "system_fingerprint")


class MalformedAnswer(ValueError):
    """Something that is not a chat completion or a chunk of one."""


class StreamedCompletion:
    """Gathers the chunks of one stream into the completion they add up to."""

    def __init__(self, choices: int) -> None:
        self._expected = choices
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self.usage: object = None

    def add(self, chunk: object) -> None:
        """Take one decoded chunk; raises :class:`MalformedAnswer`."""
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            raise MalformedAnswer("a chunk without choices")
        for name in _KEPT_FROM_CHUNKS:
            if chunk.get(name) is not None:
                self._head[name] = chunk[name]
        if chunk.get("usage") is not None:
            self.usage = chunk["usage"]
        for delta in chunk["choices"]:
            self._add_choice(delta)

    @property
    def is_finished(self) -> bool:
        """Whether every expected choice has given its finish reason."""
        reasons = [choice.get("finish_reason") for choice in self._choices.values()]
        return len(reasons) >= self._expected and all(reasons)

    def whole(self) -> dict[str, Any]:
        """Return the completion as a call without ``stream`` would have returned it."""
        ordered = [self._choices[index] for index in sorted(self._choices)]
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [_without_indices(choice) for choice in ordered],
            "usage": self.usage,
        }

    def _add_choice(self, delta: object) -> None:
        if not isinstance(delta, dict) or not isinstance(delta.get("delta"), dict):
            raise MalformedAnswer("a choice without a delta")
        index = delta.get("index")
        if type(index) is not int or not 0 <= index < self._expected:
            raise MalformedAnswer("a choice with an unexpected index")
        choice = self._choices.setdefault(index, _empty_choice(index))
        _merge(choice["message"], delta["delta"])
        if isinstance(delta.get("logprobs"), dict):
            choice["logprobs"] = choice["logprobs"] or {}
            _merge(choice["logprobs"], delta["logprobs"])
        reason = delta.get("finish_reason")
        if reason is not None and not isinstance(reason, str):
            raise MalformedAnswer("a finish reason that is no text")
        choice["finish_reason"] = reason or choice["finish_reason"]
        if not _calls_are_objects(choice["message"].get("tool_calls")):
            raise MalformedAnswer("tool calls that are no objects")


def _calls_are_objects(calls: object) -> bool:
    if calls is None:
        return True
    return isinstance(calls, list) and all(isinstance(call, dict) for call in calls)


def _empty_choice(index: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": None}


_REPLACED: Final = frozenset({"role", "type", "id", "index"})


def _merge(target: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta: texts and lists grow, objects merge, the rest is replaced.

    Some providers repeat a tool call's id or a role as null or empty: that takes nothing back.
    Some send a function's name in pieces and some all of it each time, which adds nothing.
    """
    for name, value in delta.items():
        current = target.get(name)
        if isinstance(value, list):
            target[name] = current = current if isinstance(current, list) else []
            _merge_list(current, value)
        elif isinstance(value, dict):
            # A copy: what grows here must never be a part of a chunk that somebody else holds.
            target[name] = current = current if isinstance(current, dict) else {}
            _merge(current, value)
        elif name == "name" and value == current:
            continue
        elif name in _REPLACED or current is None:
            target[name] = current if value in (None, "") and current else value
        else:
            target[name] = _added(current, value)


def _added(current: Any, value: Any) -> Any:
    if isinstance(current, str) and isinstance(value, str):
        return current + value
    return current if value is None else value


def _merge_list(current: list[Any], deltas: list[Any]) -> None:
    """Add list items: those with an index join the item of that index, the rest append."""
    for item in deltas:
        index = item.get("index") if isinstance(item, dict) else None
        if type(index) is not int:
            current.append(copy.deepcopy(item))
            continue
        same = next((each for each in current if _has_index(each, index)), None)
        if same is None:
            same = {"index": index}
            current.append(same)
        _merge(same, item)


def _has_index(item: object, index: object) -> bool:
    return isinstance(item, dict) and item.get("index") == index


def _without_indices(choice: dict[str, Any]) -> dict[str, Any]:
    """Drop the ``index`` of tool calls: it belongs to deltas only."""
    calls = choice["message"].get("tool_calls")
    if calls:
        bare = [{k: v for k, v in call.items() if k != "index"} for call in calls]
        return {**choice, "message": {**choice["message"], "tool_calls": bare}}
    return choice


def finish_reasons(completion: dict[str, Any], choices: int) -> list[str]:
    """Return the finish reason of every choice; raises :class:`MalformedAnswer`."""
    found = completion.get("choices")
    if not isinstance(found, list) or len(found) != choices:
        raise MalformedAnswer(f"an answer without its {choices} choices")
    for choice in found:
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise MalformedAnswer("a choice without a message")
        if not isinstance(choice.get("finish_reason"), str):
            raise MalformedAnswer("a choice without a finish reason")
        if type(choice.get("index")) is not int:
            raise MalformedAnswer("a choice without an index")
        if not _calls_are_objects(choice["message"].get("tool_calls")):
            raise MalformedAnswer("tool calls that are no objects")
    return [choice["finish_reason"] for choice in found]


def is_cacheable(completion: dict[str, Any], choices: int) -> bool:
    """Tell whether an answer is whole and says something."""
    reasons = finish_reasons(completion, choices)
    return all(reason in FINISHED for reason in reasons) and all(
        any(choice["message"].get(name) for name in ("content", "tool_calls", "function_call"))
        for choice in completion["choices"]
    )


def replay(
    completion: dict[str, Any], *, include_usage: bool, notes: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a stream that says the same as a stored completion.

    The chunk with the last finish reason carries ``notes`` as its ``sluice`` object.
    """
    base: dict[str, Any] = {"object": "chat.completion.chunk"}
    base |= {name: completion[name] for name in _KEPT_FROM_CHUNKS if name in completion}
    if include_usage:
        base["usage"] = None
    *first, last = completion["choices"]
    for choice in (*first, last):
        yield {**base, "choices": [_delta_of(choice)]}
        extra = {"sluice": notes} if choice is last else {}
        yield {**base, "choices": [_end_of(choice)], **extra}
    if include_usage:
        yield {**base, "choices": [], "usage": completion["usage"]}


def _end_of(choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": choice["index"],
        "delta": {},
        "logprobs": None,
        "finish_reason": choice["finish_reason"],
    }


def _delta_of(choice: dict[str, Any]) -> dict[str, Any]:
    delta = {name: value for name, value in choice["message"].items() if value is not None}
    if delta.get("tool_calls"):
        delta["tool_calls"] = [
            {"index": index, **call} for index, call in enumerate(delta["tool_calls"])
        ]
    return {
        "index": choice["index"],
        "delta": delta,
        "logprobs": choice.get("logprobs"),
        "finish_reason": None,
    }
