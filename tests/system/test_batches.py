"""Batches through the running stack by the stock SDKs: outputs, errors, isolation and the bill."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.system.conftest import Stack

pytestmark = pytest.mark.system

HAIKU = "claude-haiku-5-5"
STEP_SECONDS = 301


def chat(text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "gpt-6-luna", "messages": messages, "max_completion_tokens": 60, **more}


def line(custom_id: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }


def made(client: openai.OpenAI, *lines: dict[str, Any]) -> Any:
    content = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def ended(stack: Stack, look: Callable[[], Any], is_over: Callable[[Any], bool]) -> Any:
    """Let the stack's clock run until a batch has ended; each step wakes the collector."""
    import time

    for _ in range(60):
        found = look()
        if is_over(found):
            return found
        stack.advance(STEP_SECONDS)
        time.sleep(2)
    raise AssertionError(f"it did not end: {found}")


def rows(client: openai.OpenAI, file_id: str) -> dict[str, Any]:
    content = client.files.content(file_id).content
    return {row["custom_id"]: row for row in map(json.loads, content.splitlines())}


def test_a_mixed_batch_ends_with_its_outputs_and_half_the_bill(stack: Stack) -> None:
    client = stack.client(stack.keys.create("nightly", "t").text)
    before = stack.bill_nano()
    models = ("gpt-6-luna", HAIKU, "auto")
    lines = [line(f"l{n}", chat(f"[echo number {n}]", model=models[n % 3])) for n in range(24)]
    batch = made(client, *lines, line("bad", chat("x", colour=1)))
    assert batch.status == "in_progress"
    done = ended(
        stack, lambda: client.batches.retrieve(batch.id), lambda b: b.status == "completed"
    )
    assert (done.request_counts.completed, done.request_counts.failed) == (24, 1)
    outputs = rows(client, done.output_file_id)
    said = {
        name: row["response"]["body"]["choices"][0]["message"]["content"]
        for name, row in outputs.items()
    }
    assert said == {f"l{n}": f"number {n}" for n in range(24)}
    errors = rows(client, done.error_file_id)
    assert errors["bad"]["response"]["body"]["error"]["param"] == "colour"
    billed = stack.bill_nano() - before
    assert billed > 0
    money = done.model_extra["sluice"]
    assert money["cost_usd"] == f"{billed / 10**9:.9f}".rstrip("0")
