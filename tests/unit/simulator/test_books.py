"""The provider's bill, against sums worked out by hand."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from openai import OpenAI

from local.simulator.prices import Usage, load_prices, nano_from_pico
from tests.unit.simulator.conftest import KEY, Simulator
from tests.unit.simulator.test_chat import MODEL, ask, chunks

# "[echo alpha beta]" is "[", "echo", " alpha", " beta", "]": 5 tokens, and 3 + 3 of overhead.
ECHO = "[echo alpha beta]"
PROMPT = 11
COMPLETION = 2


@pytest.mark.parametrize(
    ("prefix", "model", "nano"),
    [
        ("/openai/v1", "gpt-6-luna", 11 * 100 + 2 * 500),
        ("/openai/v1", "gpt-6.1-terra", 11 * 1_000 + 2 * 5_000),
        ("/openai/v1", "gpt-6.1-sol", 11 * 2_000 + 2 * 10_000),
        ("/openai/v1", "gpt-6-astra", 11 * 10_000 + 2 * 50_000),
        ("/openai/v1", "gpt-5-mini", 11 * 250 + 2 * 2_000),
        ("/gemini/v1beta/openai", "gemini-3.8-flash", 11 * 750 + 2 * 3_750),
        ("/qwen/compatible-mode/v1", "qwen-plus-latest", 11 * 400 + 2 * 1_200),
    ],
)
def test_a_request_costs_its_tokens_at_list_price(
    simulator: Simulator, prefix: str, model: str, nano: int
) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": ECHO}]}
    simulator.post(body, prefix + "/chat/completions").raise_for_status()
    line = simulator.line()
    assert (line["prompt_tokens"], line["completion_tokens"]) == (PROMPT, COMPLETION)
    assert (line["cost_pico"], line["cost_nano"]) == (nano * 1_000, nano)
    assert (line["model"], line["delivered"]) == (model, "complete")


# 2026-11-23 is a Monday; the peak windows are 01:00-04:00 and 06:00-10:00 UTC.
@pytest.mark.parametrize(
    ("moment", "nano"),
    [
        ("2026-11-23T00:59:50+00:00", 11 * 150 + 2 * 600),
        ("2026-11-23T01:00:00+00:00", 11 * 300 + 2 * 1_200),
        ("2026-11-23T03:59:50+00:00", 11 * 300 + 2 * 1_200),
        ("2026-11-23T04:00:00+00:00", 11 * 150 + 2 * 600),
        ("2026-11-27T09:00:00+00:00", 11 * 300 + 2 * 1_200),
        ("2026-11-28T09:00:00+00:00", 11 * 150 + 2 * 600),
    ],
)
def test_deepseek_costs_double_in_peak_hours_of_weekdays(
    simulator: Simulator, moment: str, nano: int
) -> None:
    simulator.set_time(moment)
    body = {"model": "deepseek-flash", "messages": [{"role": "user", "content": ECHO}]}
    simulator.post(body, "/deepseek/chat/completions").raise_for_status()
    assert simulator.line()["cost_nano"] == nano


@pytest.mark.parametrize(
    ("prompt", "nano"),
    [
        # All but the 3 priming tokens are written to the cache, at 1.25 times the input rate.
        (272_000, 271_997 * 125 + 3 * 100 + 500),
        (272_001, 271_998 * 250 + 3 * 200 + 750),
    ],
)
def test_a_prompt_above_272_000_tokens_is_dear_as_a_whole(
    simulator: Simulator, prompt: int, nano: int
) -> None:
    message = {"role": "user", "content": "长" * (prompt - 6)}
    simulator.post({"model": MODEL, "messages": [message], "max_tokens": 1}).raise_for_status()
    line = simulator.line()
    assert (line["prompt_tokens"], line["cost_nano"]) == (prompt, nano)


@pytest.mark.parametrize(("prompt", "pico"), [(199_999, 2_000_000), (200_000, 4_000_000)])
def test_xai_counts_a_prompt_of_200_000_tokens_as_long(prompt: int, pico: int) -> None:
    grok = load_prices().find("xai", "grok-4.7")
    assert grok is not None
    assert grok.cost_pico(Usage(prompt=prompt, completion=0), at=0) == prompt * pico


def test_cache_classes_are_parts_of_the_prompt_at_their_own_rates() -> None:
    prices = load_prices()
    luna, mini = prices.find("openai", "gpt-6-luna"), prices.find("openai", "gpt-5-mini")
    assert luna is not None
    assert mini is not None
    usage = Usage(
        prompt=1_000, completion=10, cached=500, cache_write=300, cache_write_long=100, reasoning=4
    )
    fresh_read_write_long_out = (
        100 * 100_000 + 500 * 10_000 + 300 * 125_000 + 100 * 250_000 + 10 * 500_000
    )
    assert luna.cost_pico(usage, at=0) == fresh_read_write_long_out
    assert mini.cost_pico(usage, at=0) == 500 * 250_000 + 500 * 25_000 + 10 * 2_000_000


@pytest.mark.parametrize("write", ["cache_write", "cache_write_long"])
def test_writes_cost_a_quarter_more_for_short_lives_and_double_or_more_for_long_ones(
    write: str,
) -> None:
    factors = {
        ("openai", "cache_write"): (5, 4),
        ("openai", "cache_write_long"): (5, 2),
        ("anthropic", "cache_write"): (5, 4),
        ("anthropic", "cache_write_long"): (2, 1),
    }
    for provider in ("openai", "anthropic"):
        for model in load_prices().of(provider):
            rates = [model.rates, *([model.long.rates] if model.long else [])]
            times, over = factors[provider, write]
            for rate in rates:
                charged = getattr(rate, write)
                assert charged is None or charged * over == rate.input * times, model.id


@pytest.mark.parametrize(
    ("provider", "model", "percent"),
    [
        ("openai", "gpt-6-luna", 50),
        ("anthropic", "claude-haiku-5-5", 50),
        ("gemini", "gemini-3.8-flash", 50),
        ("xai", "grok-4.7", 80),
    ],
)
def test_a_batch_costs_its_share_of_every_class_of_tokens(
    provider: str, model: str, percent: int
) -> None:
    sold = load_prices().find(provider, model)
    assert sold is not None
    usage = Usage(prompt=900, completion=30, cached=500, cache_write=200, cache_write_long=100)
    assert sold.cost_pico(usage, 0, batch=True) * 100 == sold.cost_pico(usage, 0) * percent


def test_what_is_sold_in_no_batch_has_no_batch_price() -> None:
    deepseek = load_prices().find("deepseek", "deepseek-flash")
    assert deepseek is not None
    with pytest.raises(ValueError, match="no batches"):
        deepseek.cost_pico(Usage(prompt=1, completion=1), 0, batch=True)


def test_gemini_costs_double_from_new_year_on(simulator: Simulator) -> None:
    body = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": ECHO}]}
    for moment in ("2026-12-31T23:59:50+00:00", "2027-01-01T00:00:00+00:00"):
        simulator.set_time(moment)
        simulator.post(body, "/gemini/v1beta/openai/chat/completions").raise_for_status()
    costs = [line["cost_nano"] for line in simulator.books()["lines"]]
    assert costs == [11 * 750 + 2 * 3_750, 11 * 1_500 + 2 * 7_500]


@pytest.mark.parametrize(("pico", "nano"), [(0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2)])
def test_picodollars_are_rounded_up_to_nanodollars(pico: int, nano: int) -> None:
    assert nano_from_pico(pico) == nano


def test_totals_are_the_sums_of_the_lines_shown(simulator: Simulator, openai: OpenAI) -> None:
    ask(openai, ECHO)
    chunks(openai, ECHO)
    ask(openai, ECHO, model="gpt-6-astra", max_tokens=1)
    totals, lines = (simulator.books()[part] for part in ("totals", "lines"))
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["stream"] for line in lines] == [False, True, False]
    assert totals["requests"] == 3
    assert totals["prompt_tokens"] == 3 * PROMPT
    assert totals["completion_tokens"] == 2 + 2 + 1
    assert totals["cost_nano"] == 2 * 2_100 + 160_000
    assert totals["cost_pico"] == 1_000 * totals["cost_nano"]
    later = simulator.books(since=2)
    assert [line["seq"] for line in later["lines"]] == [3]
    assert later["totals"]["cost_nano"] == 160_000


def test_the_answers_usage_is_what_the_books_say(simulator: Simulator, openai: OpenAI) -> None:
    usage = ask(openai, "Explain the tide").usage
    line = simulator.line()
    assert line["prompt_tokens"] == usage.prompt_tokens
    assert line["completion_tokens"] == usage.completion_tokens


def test_a_key_is_shown_nowhere_but_as_a_fingerprint(simulator: Simulator, openai: OpenAI) -> None:
    ask(openai, "x")
    shown = simulator.control.get("/_control/requests")
    fingerprint = hashlib.sha256(KEY.encode()).hexdigest()[:8]
    assert simulator.line()["key"] == fingerprint
    assert KEY not in shown.text + str(simulator.books())
    headers = dict(shown.json()["requests"][-1]["headers"])
    assert headers["authorization"] == f"fingerprint:{fingerprint}"


def test_requests_are_kept_as_they_arrived(simulator: Simulator) -> None:
    bodies: list[dict[str, Any]] = [{"model": "a", "深": [1, None]}, {"model": "b"}]
    for body in bodies:
        simulator.post(body)
    latest = simulator.control.get("/_control/requests", params={"last": 1}).json()["requests"]
    every = simulator.control.get("/_control/requests").json()["requests"]
    assert [request["body"] for request in every] == bodies
    assert latest == every[-1:]
    assert every[0]["path"] == "/v1/chat/completions"


def test_a_hang_up_is_billed_up_to_the_hang_up(simulator: Simulator, openai: OpenAI) -> None:
    stream = ask(openai, "[slow 40] [long 250]", stream=True)
    for _ in range(6):  # the role, then 5 tokens
        next(stream)
    stream.close()
    line = simulator.line()
    assert line["delivered"] == "hung_up"
    assert 5 <= line["completion_tokens"] < 200
    assert line["cost_nano"] == line["prompt_tokens"] * 100 + line["completion_tokens"] * 500
    time.sleep(0.1)
    assert simulator.line() == line


def test_a_hang_up_before_a_whole_answer_ends_its_generation(
    simulator: Simulator, openai: OpenAI
) -> None:
    with pytest.raises(Exception, match="timed out"):
        ask(openai, "[slow 40] [long 250]", timeout=2)
    line = simulator.line()
    assert line["delivered"] == "hung_up"
    assert 0 < line["completion_tokens"] < 200


def test_reset_empties_books_requests_and_faults(simulator: Simulator, openai: OpenAI) -> None:
    ask(openai, "x")
    simulator.fault(kind="status", status=503)
    simulator.control.post("/_control/reset").raise_for_status()
    assert simulator.books()["totals"]["requests"] == 0
    assert simulator.control.get("/_control/requests").json() == {"requests": []}
    assert ask(openai, "x").choices[0].message.content
