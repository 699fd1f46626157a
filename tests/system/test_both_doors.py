"""What is remembered and charged behind the two doors, seen by the stock SDKs of both."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from tests.system.conftest import Stack
from tests.system.test_anthropic_sdk import CLAUDE, GPT, TOOLS, ask, either_family, fresh, text_of

FRONTIER = ("claude-opus-5-5", "gpt-6-astra")


def told_in_stream(stack: Stack, asked: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return the message that the SDK gathers, and the facts of its last delta."""
    with stack.claude().messages.stream(**asked) as events:
        [end] = [event for event in events if event.type == "message_delta"]
        return events.get_final_message(), (end.model_extra or {})["sluice"]


def told_whole(stack: Stack, asked: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Return the message, and the facts of its headers under the same names."""
    raw = stack.claude().messages.with_raw_response.create(**asked)
    facts = {
        name.removeprefix("x-sluice-").replace("-", "_"): value
        for name, value in raw.headers.items()
        if name.startswith("x-sluice-")
    }
    message = raw.parse()
    assert raw.headers["request-id"] == facts["request_id"] == message._request_id
    return message, facts


TOLD = {"whole": told_whole, "stream": told_in_stream}


@either_family
@pytest.mark.parametrize("first", TOLD)
@pytest.mark.parametrize("second", TOLD)
@pytest.mark.parametrize("words", ["[echo alpha beta]", "[call weather] [call clock]"])
def test_a_repeat_is_a_hit_that_costs_nothing_and_says_the_same(
    stack: Stack, model: str, first: str, second: str, words: str
) -> None:
    asked = {"model": model, "max_tokens": 300, "messages": fresh(words), "tools": TOOLS}
    said, miss = TOLD[first](stack, asked)
    billed = stack.bill_nano()
    again, hit = TOLD[second](stack, asked)
    assert again.model_dump() == said.model_dump()
    assert (miss["cache"], hit["cache"]) == ("miss", "hit")
    assert (hit["cost_usd"], stack.bill_nano()) == ("0", billed)
    assert hit["saved_usd"] == hit["baseline_usd"] == miss["baseline_usd"]
    assert Decimal(miss["cost_usd"]) > 0


@either_family
def test_an_answer_of_one_door_is_never_replayed_in_the_shape_of_the_other(
    stack: Stack, model: str
) -> None:
    messages: Any = fresh("What is a sluice?")
    for cache in ("miss", "hit"):
        message, facts = told_whole(
            stack, {"model": model, "max_tokens": 300, "messages": messages}
        )
        raw = stack.client().chat.completions.with_raw_response.create(
            model=model, max_tokens=300, messages=messages
        )
        assert (message.type, facts["cache"]) == ("message", cache)
        assert (raw.parse().object, raw.headers["x-sluice-cache"]) == ("chat.completion", cache)


def test_the_ledger_and_the_providers_own_books_agree_over_both_doors_and_families(
    stack: Stack,
) -> None:
    begun, billed = stack.now(), stack.bill_nano()
    for model in ("auto", "mid", CLAUDE, GPT, *FRONTIER):
        for stream in (False, True):
            for words in ("How do weirs work?", "[call weather] Now?"):
                ask(stack, fresh(words), model=model, stream=stream, tools=TOOLS)
            chat(stack, model, stream=stream)
    thinking: Any = {"type": "adaptive"}
    for model in FRONTIER:
        ask(stack, fresh("[think 40] Why?"), model=model, max_tokens=3000, thinking=thinking)
    rows = stack.usage_rows(since=begun)
    assert {(row["door"], row["status"]) for row in rows} == {
        ("chat", "answered"), ("messages", "answered"),
    }  # fmt: skip
    assert len(rows) == 6 * 2 * 3 + 2
    assert sum(row["cost_nano"] for row in rows) == stack.bill_nano() - billed > 0


def chat(stack: Stack, model: str, *, stream: bool) -> None:
    create = stack.client().chat.completions.create
    answer: Any = create(model=model, messages=fresh("And locks?"), stream=stream)
    if stream:
        assert list(answer)


@either_family
def test_an_idempotency_key_replays_the_first_message(stack: Stack, model: str) -> None:
    asked: Any = {"model": model, "max_tokens": 50, "messages": fresh("[echo once]")}
    headers = {"idempotency-key": str(uuid.uuid4()), "x-sluice-cache": "bypass"}
    create = stack.claude().messages.create
    first = create(**asked, extra_headers=headers)
    billed = stack.bill_nano()
    again = create(**asked, extra_headers=headers)
    assert (text_of(again), again.id, stack.bill_nano()) == ("once", first.id, billed)
