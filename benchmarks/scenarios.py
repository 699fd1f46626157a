"""The requests that are measured, and the answers that the canned world gives to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

_INSTRUCTIONS: Final = (
    "You answer questions about waterways for the staff of a canal trust. Keep to what is asked, "
    "name your units, and say so where you are not sure. Prefer short words and short sentences. "
    "Where a question has several readings, answer the most likely one and name the other."
)
_SENTENCE: Final = "A sluice is a gate that lets water through at a rate that somebody chose. "
ANSWER_TEXT: Final = _SENTENCE * 12
PIECES: Final = tuple(word + " " for word in ANSWER_TEXT.split())[:48]
"""What a streamed answer is cut into: an event for each."""


@dataclass(frozen=True)
class Scenario:
    """One kind of request; ``requests`` is how many of them make a round's sample."""

    name: str
    about: str
    question: str
    requests: int
    is_stream: bool = False
    has_key: bool = True
    unknown_field: bool = False
    status: int = 200

    @property
    def body(self) -> dict[str, Any]:
        """The body in OpenAI's format."""
        body: dict[str, Any] = {"model": "auto", "messages": messages(self.question)}
        if self.unknown_field:
            body["no_such_field"] = 1
        if self.is_stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body


def messages(question: str) -> list[dict[str, str]]:
    """Return a conversation that ends with a question."""
    return [
        {"role": "system", "content": _INSTRUCTIONS},
        {"role": "user", "content": question},
    ]


_STORED: Final = "What is a sluice, and how is it told from a weir?"
_POPULAR: Final = "How many locks has the canal between the two reservoirs?"
_NEW: Final = "Why do lock gates close in the shape of a V?"

SCENARIOS: Final = {
    each.name: each
    for each in (
        Scenario("hit", "answered from the cache, the repeat counted", _STORED, 150),
        Scenario("popular", "answered from the cache, promoted before", _POPULAR, 150),
        Scenario("hit-stream", "replayed from the cache as a stream", _STORED, 150, is_stream=True),
        Scenario("miss", "answered by the provider", _NEW, 100),
        Scenario("miss-stream", "streamed by the provider", _NEW, 40, is_stream=True),
        Scenario("refused", "a field that is unknown", _NEW, 150, unknown_field=True, status=400),
        Scenario("keyless", "no key at all", _NEW, 150, has_key=False, status=401),
    )
}
STORED: Final = {"hit": "default", "popular": "frequent"}
"""The scenarios whose answer is in the cache, with its freshness tier."""
COMPARED: Final = ("hit", "hit-stream", "miss", "miss-stream")
"""What every contender can do: the others are the router's own."""


def completion() -> dict[str, Any]:
    """Return the provider's answer in one piece."""
    message = {"role": "assistant", "content": ANSWER_TEXT, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _head("chat.completion") | {"choices": [choice], "usage": _USAGE}


def events() -> list[dict[str, Any]]:
    """Return the provider's answer as the events of a stream."""
    head = _head("chat.completion.chunk")
    said = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in PIECES)]
    spoken = [_choice(delta, None) for delta in said]
    return [
        *(head | {"choices": [choice], "usage": None} for choice in spoken),
        head | {"choices": [_choice({}, "stop")], "usage": None},
        head | {"choices": [], "usage": _USAGE},
    ]


_USAGE: Final = {"prompt_tokens": 120, "completion_tokens": 180, "total_tokens": 300}


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-canned",
        "object": kind,
        "created": 1_795_330_000,
        "model": "gpt-6-luna",
    }


def _choice(delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
