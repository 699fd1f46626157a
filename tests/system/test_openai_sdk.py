"""The stock OpenAI SDK, strict, against the running stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.system.conftest import Stack

HARD = (
    "Design a fault-tolerant distributed ledger, compare the consistency trade-offs, analyze its "
    "complexity step by step and prove that no entry is lost."
)
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def fresh(text: str) -> list[Any]:
    """A prompt that no other test has sent."""
    return [{"role": "user", "content": f"{text} ({uuid.uuid4()})"}]


def ask(stack: Stack, messages: list[Any], **arguments: Any) -> tuple[Any, dict[str, str]]:
    create = stack.client().chat.completions.with_raw_response.create
    raw = create(messages=messages, **{"model": "auto"} | arguments)
    return raw.parse(), dict(raw.headers)


def test_a_simple_question_goes_to_nano_and_a_hard_one_to_frontier(stack: Stack) -> None:
    _, simple = ask(stack, fresh("What is the capital of France?"))
    _, hard = ask(stack, fresh(HARD))
    assert (simple["x-sluice-tier"], simple["x-sluice-model"]) == ("nano", "claude-haiku-5-5")
    assert (hard["x-sluice-tier"], hard["x-sluice-model"]) == ("frontier", "claude-opus-5-5")
    assert "hard cues" in hard["x-sluice-route-reason"]
    assert Decimal(simple["x-sluice-saved-usd"]) > 0
    assert simple["x-request-id"] == simple["x-sluice-request-id"]


def test_a_repeat_is_a_hit_that_costs_nothing_and_says_the_same(stack: Stack) -> None:
    messages = fresh("What is a lock keeper?")
    first, miss = ask(stack, messages)
    billed = stack.bill_nano()
    again, hit = ask(stack, messages)
    assert again == first
    assert (miss["x-sluice-cache"], hit["x-sluice-cache"]) == ("miss", "hit")
    assert hit["x-sluice-cost-usd"] == "0"
    assert (
        hit["x-sluice-saved-usd"] == hit["x-sluice-baseline-usd"] == miss["x-sluice-baseline-usd"]
    )
    assert stack.bill_nano() == billed


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_says_the_same_on_miss_and_hit(stack: Stack, include_usage: bool) -> None:
    messages = fresh("Tell me about canals.")
    options: Any = {"stream": True}
    if include_usage:
        options["stream_options"] = {"include_usage": True}
    told = []
    for expected in ("miss", "hit"):
        chunks = list(stack.client().chat.completions.create(
            model="auto", messages=messages, **options))  # fmt: skip
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        [finish] = [c for c in chunks if c.choices and c.choices[0].finish_reason]
        assert finish.choices[0].finish_reason == "stop"
        facts: Any = (finish.model_extra or {})["sluice"]
        assert facts["cache"] == expected
        usage = [c.usage for c in chunks if c.usage]
        assert bool(usage) == include_usage
        told.append((text, usage, facts["cost_usd"] == "0"))
    assert told[0][:2] == told[1][:2]
    assert told[0][0]
    assert [free for _, _, free in told] == [False, True]


def test_the_ledger_and_the_providers_own_books_agree_to_the_nano_dollar(stack: Stack) -> None:
    begun, before = stack.now(), stack.bill_nano()
    for model in ("auto", "mid", "frontier", "gpt-6.1-sol"):
        ask(stack, fresh("How do locks work?"), model=model)
        list(stack.client().chat.completions.create(
            model=model, messages=fresh("And weirs?"), stream=True))  # fmt: skip
    rows = stack.usage_rows(since=begun)
    assert [row["status"] for row in rows] == ["answered"] * 8
    assert sum(row["cost_nano"] for row in rows) == stack.bill_nano() - before > 0


def test_a_usage_row_tells_what_the_headers_told(stack: Stack) -> None:
    _, headers = ask(
        stack, fresh("Why?"), extra_headers={"x-sluice-task": "qa", "x-sluice-feature": "help"}
    )
    row = stack.row_of(headers["x-sluice-request-id"])
    assert (row["task"], row["feature"], row["cache"]) == ("qa", "help", "miss")
    assert Decimal(row["cost_nano"]) / 10**9 == Decimal(headers["x-sluice-cost-usd"])
    assert Decimal(row["baseline_nano"]) / 10**9 == Decimal(headers["x-sluice-baseline-usd"])
    assert row["tokens_output"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_and_their_results_taken(stack: Stack, stream: bool) -> None:
    messages = fresh("[call weather] in Paris?")
    client = stack.client()
    if stream:
        chunks = client.chat.completions.create(
            model="auto", messages=messages, tools=[TOOL], stream=True
        )
        deltas = [c.choices[0].delta.tool_calls for c in chunks if c.choices]
        named = [call.function.name for calls in deltas for call in calls or [] if call.function]
        assert "weather" in named
        return
    answer = client.chat.completions.create(model="auto", messages=messages, tools=[TOOL])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    result: Any = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    followed: list[Any] = [*messages, message.model_dump(exclude_none=True), result]
    final = client.chat.completions.create(model="auto", messages=followed, tools=[TOOL])
    assert final.choices[0].finish_reason == "stop"


def test_json_schema_images_and_several_choices_pass_through(stack: Stack) -> None:
    schema: Any = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    answer, _ = ask(stack, fresh("A number"), response_format=form)
    assert "a" in (answer.choices[0].message.content or "")
    image: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    text: Any = {"type": "text", "text": f"What is this? {uuid.uuid4()}"}
    seen, _ = ask(stack, [{"role": "user", "content": [text, image]}])
    assert seen.usage
    assert seen.usage.prompt_tokens > 700
    three, _ = ask(stack, fresh("Three names"), n=3)
    assert [choice.index for choice in three.choices] == [0, 1, 2]


def test_a_truncated_answer_is_delivered_and_not_cached(stack: Stack) -> None:
    messages = fresh("[long 200] Tell me everything.")
    for _ in range(2):
        answer, headers = ask(stack, messages, max_tokens=5)
        assert answer.choices[0].finish_reason == "length"
        assert headers["x-sluice-cache"] == "miss"


def test_an_answer_expires_on_the_stacks_clock(stack: Stack) -> None:
    messages = fresh("What is a towpath?")
    ask(stack, messages)
    assert ask(stack, messages)[1]["x-sluice-cache"] == "hit"
    stack.advance(3600)
    assert ask(stack, messages)[1]["x-sluice-cache"] == "miss"


def test_models_are_listed(stack: Stack) -> None:
    listed = [model.id for model in stack.client().models.list()]
    assert listed[:4] == ["auto", "nano", "mid", "frontier"]
    assert stack.client().models.retrieve("gpt-6-luna").owned_by == "openai"


def test_the_sdks_exceptions_fit_our_refusals(stack: Stack) -> None:
    client = stack.client()
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="gpt-2", messages=fresh("x"))
    assert (bad.value.param, bad.value.code) == ("model", "model_not_found")
    assert bad.value.request_id
    with pytest.raises(openai.AuthenticationError):
        stack.client("slc_dev_demo_nonsense").models.list()
    with pytest.raises(openai.NotFoundError, match="no route POST /v1/embeddings"):
        client.embeddings.create(model="auto", input="x")
    with pytest.raises(openai.NotFoundError, match="no route POST /v1/responses"):
        client.responses.create(model="auto", input="x")
    with pytest.raises(openai.BadRequestError, match="deadline"):
        ask(stack, fresh("x"), extra_headers={"x-sluice-deadline": "8d"})


@pytest.fixture
def failing(stack: Stack) -> Iterator[Stack]:
    """The stack, whose models are left to recover when the test is over."""
    yield stack
    stack.recover()


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (429, 429, openai.RateLimitError),
        (503, 502, openai.InternalServerError),
        (529, 502, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_takes_no_call_is_a_clear_error_and_no_bill(
    failing: Stack, status: int, told: int, expected: type[openai.APIStatusError], stream: bool
) -> None:
    billed = failing.bill_nano()
    failing.fault(kind="status", status=status, retry_after=3)
    with pytest.raises(expected) as failed:
        failing.client().chat.completions.create(
            model="gpt-6.1-sol", messages=fresh("x"), stream=stream
        )
    assert failed.value.status_code == told
    assert failing.bill_nano() == billed
    row = failing.row_of(failed.value.request_id or "")
    assert (row["status"], row["cost_nano"]) == ("failed", 0)


def test_the_next_model_of_the_tier_answers_and_all_routers_leave_the_first_alone(
    failing: Stack,
) -> None:
    failing.fault(kind="status", status=429, retry_after=60, match={"model": "gpt-6.1-terra"})
    _, first = ask(failing, fresh("x"), model="mid")
    assert first["x-sluice-model"] == "claude-sonnet-5-5"
    assert "fallback from gpt-6.1-terra (429)" in first["x-sluice-route-reason"]
    for _ in range(4):
        _, later = ask(failing, fresh("x"), model="mid")
        assert "gpt-6.1-terra rests" in later["x-sluice-route-reason"]
    failing.advance(61)
    assert ask(failing, fresh("x"), model="mid")[1]["x-sluice-model"] == "gpt-6.1-terra"


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_a_stream_that_breaks_raises_and_is_charged_no_less_than_billed(
    failing: Stack, kind: str
) -> None:
    billed = failing.bill_nano()
    failing.fault(kind=kind, after_chunks=3)
    with failing.client().chat.completions.create(
        model="gpt-6.1-sol", messages=fresh("[long 50] x"), stream=True
    ) as stream:
        request_id = stream.response.headers["x-request-id"]
        with pytest.raises(openai.APIError, match=r"provider|connection"):
            list(stream)
    row = failing.row_of(request_id)
    assert row["status"] == "failed"
    assert row["cost_nano"] >= failing.bill_nano() - billed


def test_an_idempotency_key_replays_the_first_answer(stack: Stack) -> None:
    messages = fresh("Once")
    headers = {"idempotency-key": str(uuid.uuid4()), "x-sluice-cache": "bypass"}
    first, _ = ask(stack, messages, extra_headers=headers)
    billed = stack.bill_nano()
    again, told = ask(stack, messages, extra_headers=headers)
    assert again == first
    assert (told["x-sluice-cost-usd"], stack.bill_nano()) == ("0", billed)
    with pytest.raises(openai.UnprocessableEntityError):
        ask(stack, fresh("Twice"), extra_headers=headers)
