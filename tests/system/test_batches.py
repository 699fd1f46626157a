"""Batches through the running stack by the stock SDKs: outputs, errors, isolation and the bill."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import anthropic
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


def advance(stack: Stack, seconds: float) -> None:
    """Let time pass; what the clock wakes in a full stack takes longer than other pages do."""
    passed = stack.control.post("/clock/advance", json={"seconds": seconds}, timeout=900)
    passed.raise_for_status()


def ended(
    stack: Stack,
    look: Callable[[], Any],
    is_over: Callable[[Any], bool],
) -> Any:
    """Let the stack's clock run until a batch has ended; each step wakes the collector."""

    for _ in range(60):
        found = look()
        if is_over(found):
            return found
        advance(stack, STEP_SECONDS)
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


def test_anthropics_batches_stream_their_results_and_meet_no_other_team(stack: Stack) -> None:
    key, other = (stack.keys.create(team, "t").text for team in ("claudes", "strangers"))
    claude = stack.claude(key)
    requests: Any = [
        {
            "custom_id": f"r{n}",
            "params": {
                "model": (HAIKU, "gpt-6-luna")[n % 2],
                "max_tokens": 40,
                "messages": [{"role": "user", "content": f"[echo answer {n}]"}],
            },
        }
        for n in range(8)
    ]
    batch = claude.messages.batches.create(requests=requests)
    done = ended(
        stack,
        lambda: claude.messages.batches.retrieve(batch.id),
        lambda b: b.processing_status == "ended",
    )
    assert done.request_counts.succeeded == 8
    found = {each.custom_id: each.result for each in claude.messages.batches.results(batch.id)}
    assert {
        name: result.message.content[0].text  # type: ignore[union-attr]
        for name, result in found.items()
    } == {f"r{n}": f"answer {n}" for n in range(8)}
    stranger = stack.claude(other)
    for ask in (stranger.messages.batches.retrieve, stranger.messages.batches.cancel):
        with pytest.raises(anthropic.NotFoundError):
            ask(batch.id)


def test_a_batch_is_cancelled_and_its_money_given_back(stack: Stack) -> None:
    client = stack.client(stack.keys.create("canceller", "t").text)
    batch = made(client, *(line(f"l{n}", chat(f"[echo {n}]")) for n in range(5)))
    assert client.batches.cancel(batch.id).status == "cancelling"
    done = ended(
        stack, lambda: client.batches.retrieve(batch.id), lambda b: b.status == "cancelled"
    )
    counts = done.request_counts
    assert counts.completed + counts.failed == 5
    budgets: Any = client.get("/budget", cast_to=object)
    assert all(row["held_usd"] == "0" for row in budgets["data"] if "canceller" in row["budget"])


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_two_thousand_mixed_lines_end_with_the_right_outputs_errors_and_bill(stack: Stack) -> None:
    client = stack.client(stack.keys.create("bulk", "t").text)
    before = stack.bill_nano()
    models = ("gpt-6-luna", HAIKU, "gpt-6.1-terra", "auto")
    lines = []
    for n in range(2_000):
        kind = "bad" if n % 50 == 7 else "late" if n % 40 == 3 else "good"
        text = f"{'[expire] ' if kind == 'late' else ''}[echo {kind} {n}]"
        more = {"colour": 1} if kind == "bad" else {}
        lines.append(line(f"{kind}-{n}", chat(text, model=models[n % 4], **more)))
    batch = made(client, *lines)
    for _ in range(6):
        advance(stack, STEP_SECONDS)
        time.sleep(5)
    # A day goes by at once: the schedules' missed occurrences take their time.
    advance(stack, 86_400)
    done = ended(stack, lambda: client.batches.retrieve(batch.id), lambda b: b.status == "expired")
    outputs, errors = rows(client, done.output_file_id), rows(client, done.error_file_id)
    kinds = Counter(each["custom_id"].split("-")[0] for each in lines)
    assert len(outputs) == kinds["good"]
    assert Counter((row["error"] or {"code": "400"})["code"] for row in errors.values()) == {
        "batch_expired": kinds["late"],
        "400": kinds["bad"],
    }
    billed = stack.bill_nano() - before
    assert done.model_extra["sluice"]["cost_usd"] == f"{billed / 10**9:.9f}".rstrip("0")
