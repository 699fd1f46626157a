"""Where the providers that speak OpenAI's protocol differ: reasoning and usage fields."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI

from tests.unit.simulator.conftest import Simulator
from tests.unit.simulator.test_chat import ask, chunks

TEXT = "[think 7] [echo alpha beta]"


def test_xai_counts_reasoning_outside_completion_tokens_and_bills_both(
    simulator: Simulator, openai: OpenAI
) -> None:
    client = openai.with_options(base_url=simulator.url + "/xai/v1")
    usage = ask(client, TEXT, model="grok-4.7").usage
    assert usage.completion_tokens == 2
    assert usage.completion_tokens_details.reasoning_tokens == 7
    assert usage.total_tokens == usage.prompt_tokens + 2 + 7
    line = simulator.line()
    assert (line["completion_tokens"], line["reasoning_tokens"]) == (9, 7)
    assert line["cost_nano"] == usage.prompt_tokens * 2_000 + 9 * 6_000


def test_xais_token_limit_does_not_bound_its_reasoning(
    simulator: Simulator, openai: OpenAI
) -> None:
    client = openai.with_options(base_url=simulator.url + "/xai/v1")
    answer = ask(client, TEXT, model="grok-4.7", max_tokens=1)
    assert answer.choices[0].message.content == "alpha"
    assert simulator.line()["completion_tokens"] == 7 + 1


def test_openais_reasoning_is_hidden_inside_completion_tokens(
    simulator: Simulator, openai: OpenAI
) -> None:
    answer = ask(openai, TEXT, reasoning_effort="low")
    assert answer.choices[0].message.content == "alpha beta"
    assert answer.usage.completion_tokens == 9
    assert answer.usage.completion_tokens_details.reasoning_tokens == 7
    assert simulator.line()["reasoning_tokens"] == 7
    received = chunks(openai, TEXT, reasoning_effort="low")
    assert len(received) == 1 + 2 + 1


def test_openais_token_limit_bounds_reasoning_too(openai: OpenAI) -> None:
    answer = ask(openai, TEXT, reasoning_effort="low", max_completion_tokens=5)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("", "length")
    assert answer.usage.completion_tokens == 5


@pytest.mark.parametrize("effort", [None, "none"])
def test_without_an_effort_openai_does_not_reason(openai: OpenAI, effort: str | None) -> None:
    options: dict[str, Any] = {} if effort is None else {"reasoning_effort": effort}
    usage = ask(openai, TEXT, **options).usage
    assert usage.completion_tokens_details.reasoning_tokens == 0


def test_more_effort_is_more_reasoning(openai: OpenAI) -> None:
    spent = [
        ask(openai, "x", reasoning_effort=e).usage.completion_tokens_details.reasoning_tokens
        for e in ("minimal", "low", "medium", "high")
    ]
    assert spent == sorted(spent)
    assert len(set(spent)) == 4


def test_deepseeks_reasoning_model_shows_its_reasoning(
    simulator: Simulator, openai: OpenAI
) -> None:
    client = openai.with_options(base_url=simulator.url + "/deepseek")
    whole = ask(client, TEXT, model="deepseek-v4-pro")
    message = whole.choices[0].message.model_dump()
    assert (message["content"], bool(message["reasoning_content"])) == ("alpha beta", True)
    assert whole.usage.completion_tokens == 9
    received = chunks(client, TEXT, model="deepseek-v4-pro")
    deltas = [chunk.choices[0].delta.model_dump() for chunk in received]
    streamed = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert streamed == message["reasoning_content"]


def test_deepseeks_switch_turns_reasoning_on_and_off(simulator: Simulator) -> None:
    body = {"messages": [{"role": "user", "content": TEXT}]}
    path = "/deepseek/chat/completions"
    for model, switch in (("deepseek-flash", "enabled"), ("deepseek-v4-pro", "disabled")):
        simulator.post({**body, "model": model, "thinking": {"type": switch}}, path)
    assert [line["reasoning_tokens"] for line in simulator.lines(2)] == [7, 0]
    refused = simulator.post({**body, "model": "gpt-6-luna", "thinking": {"type": "enabled"}})
    assert refused.json()["error"]["param"] == "thinking"


@pytest.mark.parametrize(
    ("prefix", "model"),
    [
        ("/gemini/v1beta/openai", "gemini-3.8-flash"),
        ("/qwen/compatible-mode/v1", "qwen-plus-latest"),
        ("/xai/v1", "grok-4.7"),
        ("/deepseek", "deepseek-v4-pro"),
    ],
)
def test_every_compatible_provider_passes_the_strict_sdk(
    simulator: Simulator, openai: OpenAI, prefix: str, model: str
) -> None:
    client = openai.with_options(base_url=simulator.url + prefix)
    whole = ask(client, "[echo alpha beta]", model=model)
    received = chunks(client, "[echo alpha beta]", model=model)
    assert whole.choices[0].message.content == "alpha beta"
    assert "".join(c.choices[0].delta.content or "" for c in received) == "alpha beta"
    assert whole.service_tier is None
    assert model in {listed.id for listed in client.models.list()}


def test_a_refusal_is_said_in_the_refusal_field(openai: OpenAI) -> None:
    whole = ask(openai, "[refuse]").choices[0]
    received = chunks(openai, "[refuse]")
    assert (whole.message.content, whole.finish_reason) == (None, "stop")
    assert whole.message.refusal
    assert "".join(c.choices[0].delta.refusal or "" for c in received) == whole.message.refusal
