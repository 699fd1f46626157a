"""The chat protocol, judged by the stock SDK with strict validation."""

from __future__ import annotations

import time
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk

from tests.unit.simulator.conftest import Simulator

MODEL = "gpt-6-luna"


def ask(client: OpenAI, text: str, **options: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, **options},
    )


def chunks(client: OpenAI, text: str, **options: Any) -> list[ChatCompletionChunk]:
    return list(ask(client, text, stream=True, **options))


def streamed_text(received: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in received for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_a_question_gets_a_whole_answer_with_usage_under_a_dated_model_name(openai: OpenAI) -> None:
    answer = ask(openai, "What is a river?")
    assert answer.model == "gpt-6-luna-2026-09-01"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.service_tier == "default"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0
    assert answer.usage.prompt_tokens_details.cache_write_tokens == 0
    assert answer.usage.completion_tokens_details.reasoning_tokens == 0


def test_a_stream_says_what_the_whole_answer_says(openai: OpenAI) -> None:
    whole = ask(openai, "What is a river?").choices[0].message.content
    assert streamed_text(chunks(openai, "What is a river?")) == whole


def test_a_stream_opens_with_the_role_and_closes_with_the_finish_reason(openai: OpenAI) -> None:
    received = chunks(openai, "[echo one two]")
    assert received[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in received] == [None, None, None, "stop"]


def test_a_stream_reports_usage_only_when_asked_and_in_its_last_chunk(openai: OpenAI) -> None:
    usual = chunks(openai, "[echo one two]")
    assert all("usage" not in chunk.model_fields_set for chunk in usual)
    asked = chunks(openai, "[echo one two]", stream_options={"include_usage": True})
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens == 2
    assert all(c.usage is None and "usage" in c.model_fields_set for c in asked[:-1])


def test_a_raw_stream_ends_with_done(simulator: Simulator) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "stream": True}
    assert simulator.post(body).text.endswith("data: [DONE]\n\n")


def test_tokens_arrive_one_by_one_while_the_answer_is_being_made(openai: OpenAI) -> None:
    started = time.monotonic()
    stream = ask(openai, "[slow 60] [echo a b c d e]", stream=True)
    next(iter(stream))
    first = time.monotonic() - started
    rest = list(stream)
    whole = time.monotonic() - started
    assert whole > 0.3
    assert first < whole / 2
    assert len(rest) == 6


def test_created_follows_the_clock_file(simulator: Simulator, openai: OpenAI) -> None:
    simulator.set_time("2027-01-02T03:04:05+00:00")
    assert 0 <= ask(openai, "x").created - 1_798_859_045 <= 2


def test_the_same_request_gets_the_same_answer_under_a_new_id(openai: OpenAI) -> None:
    first, second = ask(openai, "Name a tree"), ask(openai, "Name a tree", user="someone")
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.id != second.id


def test_whatever_changes_the_request_changes_the_answer(openai: OpenAI) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    variants: list[dict[str, Any]] = [
        {},
        {"model": "gpt-6-astra"},
        {"temperature": 0.5},
        {"seed": 7},
        {"tools": [tool]},
        {"messages": [{"role": "user", "content": "Name a tree!"}]},
    ]
    answers = [ask(openai, "Name a tree", **v).choices[0].message.content for v in variants]
    assert len(set(answers)) == len(variants)


def test_short_questions_get_20_to_60_tokens_and_work_gets_more(openai: OpenAI) -> None:
    short = [ask(openai, f"What is {n} plus 1?").usage.completion_tokens for n in range(10)]
    assert all(20 <= tokens <= 62 for tokens in short)
    work = "Design a ledger and prove that it balances. " * 40
    assert 300 <= ask(openai, work).usage.completion_tokens <= 402


def test_long_gives_about_as_many_tokens_as_asked(openai: OpenAI) -> None:
    assert 1_000 <= ask(openai, "[long 1000]").usage.completion_tokens <= 1_002


def test_n_choices_differ_and_are_all_billed(openai: OpenAI) -> None:
    answer = ask(openai, "Name a tree", n=3, max_tokens=10)
    texts = [choice.message.content for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert answer.usage.completion_tokens == 30
    received = chunks(openai, "Name a tree", n=3, max_tokens=10)
    assert [streamed_text(received, index) for index in range(3)] == texts


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts_the_answer_exactly(openai: OpenAI, limit: str) -> None:
    cut = ask(openai, "[echo one two three]", **{limit: 2})
    assert cut.choices[0].message.content == "one two"
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens == 2
    fits = ask(openai, "[echo one two three]", **{limit: 3})
    assert fits.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stop", [" two", ["zzz", " three", " two"]])
def test_an_answer_ends_before_the_first_stop_sequence(openai: OpenAI, stop: object) -> None:
    answer = ask(openai, "[echo one two three]", stop=stop)
    assert answer.choices[0].message.content == "one"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 1


def test_logprobs_cover_every_token_in_both_forms(openai: OpenAI) -> None:
    whole = ask(openai, "[echo one two]", logprobs=True, top_logprobs=2).choices[0].logprobs
    assert [token.token for token in whole.content] == ["one", " two"]
    assert all(len(token.top_logprobs) == 2 for token in whole.content)
    received = chunks(openai, "[echo one two]", logprobs=True)
    spoken = [c.choices[0].logprobs for c in received if c.choices[0].delta.content]
    assert [part.content[0].token for part in spoken if part and part.content] == ["one", " two"]


def test_an_image_costs_765_prompt_tokens(openai: OpenAI) -> None:
    text = {"type": "text", "text": "Look"}
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    plain = ask(openai, "", messages=[{"role": "user", "content": [text]}])
    seen = ask(openai, "", messages=[{"role": "user", "content": [text, image, image]}])
    assert seen.usage.prompt_tokens - plain.usage.prompt_tokens == 2 * 765


@pytest.mark.parametrize(
    ("prefix", "model"),
    [
        ("/openai/v1", "gpt-6.1-terra"),
        ("/deepseek", "deepseek-flash"),
        ("/deepseek/v1", "deepseek-flash"),
        ("/xai/v1", "grok-4.7"),
    ],
)
def test_each_provider_answers_and_lists_its_own_models(
    simulator: Simulator, openai: OpenAI, prefix: str, model: str
) -> None:
    client = openai.with_options(base_url=simulator.url + prefix)
    assert model in {listed.id for listed in client.models.list()}
    assert ask(client, "x", model=model).choices[0].message.content
    assert simulator.line()["provider"] == prefix.split("/")[1]
