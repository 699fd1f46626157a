"""Lines of batches, and the way of one through the simulator, for the tests of both protocols."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from anthropic.types.messages.batch_create_params import Request
from openai import OpenAI
from openai.types import Batch, FileObject

from tests.unit.simulator.conftest import Simulator

MODEL = "gpt-6-luna"
CLAUDE = "claude-haiku-5-5"
HOUR = 3_600
# "[echo alpha beta]" is 5 tokens, and 3 + 3 of overhead; the answer is 2.
ECHO = "[echo alpha beta]"
PROMPT, COMPLETION = 11, 2


def chat_line(name: str, text: str = ECHO, **fields: Any) -> dict[str, Any]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def message_line(name: str, text: str = ECHO, **fields: Any) -> Request:
    params: Any = {
        "model": CLAUDE,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        **fields,
    }
    return {"custom_id": name, "params": params}


def jsonl(lines: Iterable[object]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def upload(openai: OpenAI, lines: Iterable[object]) -> FileObject:
    return openai.files.create(file=("in.jsonl", jsonl(lines)), purpose="batch")


def begin(openai: OpenAI, lines: Iterable[object], **fields: Any) -> Batch:
    return openai.batches.create(
        input_file_id=upload(openai, lines).id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        **fields,
    )


def output(openai: OpenAI, file_id: str | None) -> dict[str, dict[str, Any]]:
    """Return a results file's lines by ``custom_id``."""
    if file_id is None:
        return {}
    rows = [json.loads(line) for line in openai.files.content(file_id).text.splitlines()]
    found = {row["custom_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def batches(simulator: Simulator) -> list[dict[str, Any]]:
    """Return what the providers themselves know of their batches."""
    rows = simulator.control.get("/_control/batches").raise_for_status().json()["batches"]
    return [row["batch"] for row in rows]


def strike(simulator: Simulator, kind: str, operation: str | None = None, **fields: Any) -> None:
    match = {"match": {"operation": operation}} if operation else {}
    simulator.fault(kind=kind, **match, **fields)


def eventually(found: Any, *, within: float = 120) -> Any:
    """Call until something comes of it."""
    give_up = time.monotonic() + within
    while not (result := found()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(0.05)
    return result
