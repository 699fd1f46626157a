"""Converse's side of the fence, written independently of the translation that is tested."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

USAGE = {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}


def response(content: list[Json], stop: str = "end_turn", usage: Any = USAGE, **more: Any) -> Json:
    message = {"role": "assistant", "content": content}
    return {
        "output": {"message": message},
        "stopReason": stop,
        "usage": usage,
        "metrics": {"latencyMs": 1},
        "ResponseMetadata": {"RequestId": "r-1"},
        **more,
    }


def block_of(block: Json) -> Json:
    """Return how Converse says a block of an Anthropic answer."""
    match block["type"]:
        case "text":
            return {"text": block["text"]}
        case "thinking":
            said = {"text": block["thinking"], "signature": block["signature"]}
            return {"reasoningContent": {"reasoningText": said}}
        case "redacted_thinking":
            return {"reasoningContent": {"redactedContent": base64.b64decode(block["data"])}}
    call = {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}
    return {"toolUse": call}


def usage_of(usage: Json, ttl: str) -> Json:
    """Return how Converse says Anthropic's usage, all cache writes of one lifetime."""
    plain, written = usage["input_tokens"], usage["cache_creation_input_tokens"]
    read, output = usage["cache_read_input_tokens"], usage["output_tokens"]
    return {
        "inputTokens": plain,
        "outputTokens": output,
        "totalTokens": plain + written + read + output,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
        "cacheDetails": [{"ttl": ttl, "inputTokens": written}],
    }


def events_of(content: list[Json], stop: str, usage: Any) -> Iterator[Json]:
    """Yield the stream that says the same as a response; texts come in two pieces."""
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(content):
        yield from _block_events(index, block)
    yield {"messageStop": {"stopReason": stop}}
    yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


def _block_events(index: int, block: Json) -> Iterator[Json]:
    at = {"contentBlockIndex": index}
    if "toolUse" in block:
        call = block["toolUse"]
        start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
        yield {"contentBlockStart": {"start": start, **at}}
    for delta in _deltas(block):
        yield {"contentBlockDelta": {"delta": delta, **at}}
    yield {"contentBlockStop": at}


def _deltas(block: Json) -> Iterator[Json]:
    if "text" in block:
        yield from ({"text": piece} for piece in _halves(block["text"]))
    elif "toolUse" in block:
        written = json.dumps(block["toolUse"]["input"])
        yield from ({"toolUse": {"input": piece}} for piece in _halves(written))
    elif "reasoningText" in block["reasoningContent"]:
        said = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in _halves(said["text"]))
        yield {"reasoningContent": {"signature": said["signature"]}}
    else:
        hidden = block["reasoningContent"]["redactedContent"]
        yield from ({"reasoningContent": {"redactedContent": piece}} for piece in _halves(hidden))


def _halves(whole: Any) -> tuple[Any, Any]:
    middle = len(whole) // 2
    return whole[:middle], whole[middle:]
