"""A stack with Bedrock, which has no key, judged by both stock SDKs and by the provider's bill."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.system.conftest import Stack, running_stack

MODEL = "global.anthropic.claude-sonnet-5-5"
RULES = "Rule {}: be kind to the customer, quote the order, and never promise a date. "


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    file = Path(__file__).parent / "Pulumi.bedrock.yaml"
    with running_stack(tmp_path_factory.mktemp("bedrock"), stack_file=file) as stack:
        yield stack


@pytest.fixture
def claude(bedrock: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=bedrock.world.endpoint,
        api_key=bedrock.world.api_key,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def fresh(text: str) -> Any:
    return [{"role": "user", "content": f"{text} ({uuid.uuid4()})"}]


def ask_chat(stack: Stack, *, stream: bool) -> str:
    create = stack.client().chat.completions.create
    messages = fresh("[echo alpha beta]")
    if not stream:
        whole: Any = create(model=MODEL, messages=messages)
        return str(whole.choices[0].message.content)
    chunks: Any = create(model=MODEL, messages=messages, stream=True)
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def ask_messages(client: anthropic.Anthropic, *, stream: bool) -> str:
    asked: Any = {"model": MODEL, "max_tokens": 50, "messages": fresh("[echo alpha beta]")}
    if not stream:
        [block] = client.messages.create(**asked).content
    else:
        with client.messages.stream(**asked) as events:
            [block] = events.get_final_message().content
    return block.text if block.type == "text" else ""


def test_both_sdks_are_answered_and_the_ledger_is_the_providers_bill(
    bedrock: Stack, claude: anthropic.Anthropic
) -> None:
    said = [ask_chat(bedrock, stream=stream) for stream in (False, True)]
    said += [ask_messages(claude, stream=stream) for stream in (False, True)]
    assert said == ["alpha beta"] * 4
    rows = bedrock.usage_rows()
    assert [(row["model"], row["provider"]) for row in rows] == [(MODEL, "bedrock")] * 4
    assert {row["status"] for row in rows} == {"answered"}
    assert sum(row["cost_nano"] for row in rows) == bedrock.bill_nano() > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_taken(
    bedrock: Stack, claude: anthropic.Anthropic, stream: bool
) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    asked: Any = {
        "model": MODEL, "max_tokens": 200, "tools": [{"name": "weather", "input_schema": schema}],
    }  # fmt: skip
    messages = fresh("[call weather] in Paris?")
    if stream:
        with claude.messages.stream(messages=messages, **asked) as events:
            called = events.get_final_message()
    else:
        called = claude.messages.create(messages=messages, **asked)
    assert called.stop_reason == "tool_use"
    uses = [block for block in called.content if block.type == "tool_use"]
    assert [use.name for use in uses] == ["weather"]
    results: Any = [
        {"type": "tool_result", "tool_use_id": use.id, "content": "sunny"} for use in uses
    ]
    followed = [
        *messages,
        {"role": "assistant", "content": called.content},
        {"role": "user", "content": results},
    ]
    assert claude.messages.create(messages=followed, **asked).stop_reason == "end_turn"


def test_the_second_question_reads_the_instructions_from_bedrocks_cache(bedrock: Stack) -> None:
    instructions = f"{uuid.uuid4()} " + "".join(RULES.format(n) for n in range(200))
    rows, billed = [], bedrock.bill_nano()
    for question in ("Where is my order?", "May I return it?"):
        messages: Any = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        raw = bedrock.client().chat.completions.with_raw_response.create(
            model=MODEL, messages=messages
        )
        rows.append(bedrock.row_of(raw.headers["x-request-id"]))
    assert rows[1]["tokens_cache_read"] == rows[0]["tokens_cache_write"] > 1000
    assert sum(row["cost_nano"] for row in rows) == bedrock.bill_nano() - billed


@pytest.mark.parametrize("stream", [False, True])
def test_a_throttled_model_is_an_error_with_the_time_to_wait(bedrock: Stack, stream: bool) -> None:
    billed = bedrock.bill_nano()
    match = {"protocol": "bedrock-converse"}
    bedrock.fault(kind="status", status=429, retry_after=3, match=match)
    with pytest.raises(openai.RateLimitError) as failed:
        bedrock.client().chat.completions.create(model=MODEL, messages=fresh("x"), stream=stream)
    assert failed.value.response.headers["retry-after"] == "3"
    assert bedrock.bill_nano() == billed
    bedrock.recover()


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
def test_a_stream_that_breaks_is_charged_no_less_than_billed(bedrock: Stack, kind: str) -> None:
    billed = bedrock.bill_nano()
    bedrock.fault(kind=kind, after_chunks=3, match={"protocol": "bedrock-converse"})
    with bedrock.client().chat.completions.create(
        model=MODEL, messages=fresh("[long 50] x"), stream=True
    ) as stream:
        request_id = stream.response.headers["x-request-id"]
        with pytest.raises(openai.APIError, match=r"provider|connection"):
            list(stream)
    row = bedrock.row_of(request_id)
    assert row["status"] == "failed"
    assert row["cost_nano"] >= bedrock.bill_nano() - billed
    bedrock.recover()


def test_no_secret_stands_for_bedrock_and_nothing_was_denied(bedrock: Stack) -> None:
    outputs = bedrock.world.ground.deployment.outputs
    assert set(outputs["provider_secrets"]) == {"openai"}
    assert bedrock.look("/denials") == []
    assert bedrock.look("/problems") == []
