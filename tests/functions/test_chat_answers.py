"""What a caller gets, and what the gateway remembers, call by call."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from shared.adapters.memory import MemoryReply
from tests.functions.conftest import (
    Gateway,
    as_chunks,
    chunk,
    completion,
    run,
    stream_frames,
    usage_chunk,
)


def facts(response: httpx2.Response) -> dict[str, str]:
    prefix = "x-sluice-"
    return {
        name.removeprefix(prefix): value
        for name, value in response.headers.items()
        if name.startswith(prefix)
    }


def events(response: httpx2.Response) -> list[Any]:
    frames = [frame for frame in response.text.split("\n\n") if frame.startswith("data: ")]
    assert frames[-1] == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]


def test_a_miss_is_answered_priced_and_stored(gateway: Gateway) -> None:
    response = run(gateway.chat())
    assert response.status_code == 200
    assert response.content == completion()
    told = facts(response)
    # luna: 10 x $0.10/M + 5 x $0.50/M; astra, the baseline: 10 x $10/M + 5 x $50/M
    assert (told["cost-usd"], told["baseline-usd"]) == ("0.0000035", "0.00035")
    assert told["saved-usd"] == "0.0003465"
    assert (told["cache"], told["tier"], told["model"]) == ("miss", "nano", "gpt-6-luna")
    assert told["request-id"] == response.headers["x-request-id"] == response.headers["request-id"]
    first_use = ["open_budget"] * 3
    assert gateway.store.calls == ["look_up", *first_use, "reserve", "end", "put_answer"]
    [(entry, settlement)] = gateway.meter.settlements
    assert entry.request_id == told["request-id"]
    assert gateway.ledger.rows == {(entry.request_id, 1): settlement}


def test_a_repeat_costs_nothing_one_read_and_one_write(gateway: Gateway) -> None:
    run(gateway.chat())
    del gateway.store.calls[:]
    response = run(gateway.chat())
    assert response.content == completion().replace(b": ", b":").replace(b", ", b",")
    assert facts(response)["cache"] == "hit"
    assert facts(response)["cost-usd"] == "0"
    assert facts(response)["baseline-usd"] == facts(response)["saved-usd"] == "0.00035"
    assert gateway.store.calls == ["look_up", "record_hit"]
    assert len(gateway.upstream.sent) == 1


def test_a_stream_carries_its_facts_in_the_chunk_with_the_finish_reason(gateway: Gateway) -> None:
    response = run(gateway.chat(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "cost-usd" not in facts(response)
    chunks = events(response)
    assert [c["choices"][0]["delta"].get("content") for c in chunks] == [
        "", "Hel", "lo", " you", None,
    ]  # fmt: skip
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["sluice"]["cost_usd"] == "0.0000035"
    assert all("sluice" not in each for each in chunks[:-1])


def test_usage_is_always_asked_for_and_shown_only_to_who_asked(gateway: Gateway) -> None:
    unasked = events(run(gateway.chat("one", stream=True)))
    asked = events(run(gateway.chat("two", stream=True, stream_options={"include_usage": True})))
    assert all(body["stream_options"]["include_usage"] for body in gateway.sent_bodies)
    assert [each for each in unasked if not each["choices"]] == []
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["total_tokens"] == 15


def test_a_stored_stream_serves_whole_answers_and_the_other_way_round(gateway: Gateway) -> None:
    run(gateway.chat("one", stream=True))
    whole = run(gateway.chat("one"))
    assert facts(whole)["cache"] == "hit"
    assert whole.json()["choices"][0]["message"]["content"] == "Hello you"
    run(gateway.chat("two"))
    replayed = run(gateway.chat("two", stream=True))
    assert facts(replayed)["cache"] == "hit"
    assert events(replayed)[0]["choices"][0]["delta"]["content"] == "Hello you"
    assert events(replayed)[-1]["sluice"]["cost_usd"] == "0"
    assert len(gateway.upstream.sent) == 2


def test_the_provider_sees_our_model_and_pins_and_nothing_of_ours(gateway: Gateway) -> None:
    headers = {"x-sluice-task": "qa", "x-custom": "secret"}
    run(gateway.chat(max_tokens=7, sluice={"feature": "f"}, headers=headers))
    [(entry, provider, body)] = gateway.upstream.sent
    assert provider == "openai"
    assert json.loads(body) == {
        "model": "gpt-6-luna",
        "messages": [{"role": "user", "content": "What is a sluice?"}],
        "service_tier": "default",
        "max_completion_tokens": 7,
    }
    assert (entry.task, entry.feature) == ("qa", "f")


@pytest.mark.parametrize(
    ("asked", "model", "tier", "baseline"),
    [
        ("mid", "gpt-6.1-terra", "mid", "0.000035"),
        ("frontier", "gpt-6-astra", "frontier", "0.00035"),
        ("gpt-6.1-sol", "gpt-6.1-sol", "mid", "0.00007"),
        ("grok-4.7", "grok-4.7", "mid", "0.00005"),
    ],
)
def test_a_tier_or_a_model_is_taken_at_its_word_and_its_own_price(
    gateway: Gateway, asked: str, model: str, tier: str, baseline: str
) -> None:
    told = facts(run(gateway.chat(model=asked)))
    assert (told["model"], told["tier"], told["baseline-usd"]) == (model, tier, baseline)
    assert told["saved-usd"] == "0"


def test_cached_tokens_of_the_provider_are_billed_as_such_and_saved(gateway: Gateway) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100},
    }
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(usage=usage))))
    told = facts(run(gateway.chat(model="gpt-6.1-terra")))
    # 100 x $1 + 800 x $0.05 + 100 x $1.25 + 10 x $5 = $315/M; without cache $1,050/M
    assert told["cost-usd"] == "0.000315"
    assert told["baseline-usd"] == "0.00105"


def test_refresh_asks_again_and_stores_the_new_answer(gateway: Gateway) -> None:
    run(gateway.chat())
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion("new"))))
    refreshed = run(gateway.chat(headers={"x-sluice-cache": "refresh"}))
    assert facts(refreshed)["cache"] == "miss"
    assert run(gateway.chat()).json()["choices"][0]["message"]["content"] == "new"


def test_bypass_neither_reads_nor_stores(gateway: Gateway) -> None:
    for _ in range(2):
        response = run(gateway.chat(headers={"x-sluice-cache": "bypass"}))
        assert facts(response)["cache"] == "bypass"
    assert gateway.store.answers == {}
    assert len(gateway.upstream.sent) == 2


def test_a_question_about_the_moment_is_asked_every_time(gateway: Gateway) -> None:
    for _ in range(2):
        assert facts(run(gateway.chat("What is the weather today?")))["cache"] == "bypass"
    assert gateway.store.answers == {}


def test_an_answer_expires_after_its_hour_even_if_it_was_not_deleted(gateway: Gateway) -> None:
    run(gateway.chat())
    gateway.time[0] += 3599
    assert facts(run(gateway.chat()))["cache"] == "hit"
    gateway.time[0] += 1
    assert facts(run(gateway.chat()))["cache"] == "miss"


def test_the_callers_ttl_is_kept_to(gateway: Gateway) -> None:
    headers = {"x-sluice-cache": "ttl=10"}
    run(gateway.chat(headers=headers))
    gateway.time[0] += 9
    assert facts(run(gateway.chat(headers=headers)))["cache"] == "hit"
    gateway.time[0] += 1
    assert facts(run(gateway.chat(headers=headers)))["cache"] == "miss"


def test_the_callers_ttl_limits_the_age_of_what_is_served(gateway: Gateway) -> None:
    run(gateway.chat())
    gateway.time[0] += 30
    assert facts(run(gateway.chat(headers={"x-sluice-cache": "ttl=31"})))["cache"] == "hit"
    assert facts(run(gateway.chat(headers={"x-sluice-cache": "ttl=30"})))["cache"] == "miss"


def test_an_earlier_turn_about_the_moment_counts_too(gateway: Gateway) -> None:
    turns = [
        {"role": "user", "content": "What is the weather today in Paris?"},
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": "And in Rome?"},
    ]
    for _ in range(2):
        assert facts(run(gateway.chat(messages=turns)))["cache"] == "bypass"


def test_the_third_repeat_makes_an_answer_last_a_day(gateway: Gateway) -> None:
    run(gateway.chat())
    for _ in range(3):
        run(gateway.chat())
    [stored] = gateway.store.answers.values()
    assert (stored.freshness, stored.expires_at - stored.stored_at) == ("frequent", 86400)
    gateway.time[0] += 86399
    assert facts(run(gateway.chat()))["cache"] == "hit"


def test_repeats_that_come_after_expiry_are_remembered(gateway: Gateway) -> None:
    for _ in range(4):
        assert facts(run(gateway.chat()))["cache"] == "miss"
        gateway.time[0] += 3600
    [stored] = gateway.store.answers.values()
    assert (stored.freshness, stored.repeats) == ("frequent", 3)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_truncated_and_filtered_answers_are_delivered_but_not_stored(
    gateway: Gateway, reason: str
) -> None:
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(reason=reason))))
    assert run(gateway.chat()).json()["choices"][0]["finish_reason"] == reason
    assert gateway.store.answers == {}
    assert len(gateway.ledger.rows) == 1


def test_teams_do_not_share_answers_nor_do_tasks(gateway: Gateway) -> None:
    run(gateway.chat(team="search"))
    assert facts(run(gateway.chat(team="support")))["cache"] == "miss"
    assert facts(run(gateway.chat(headers={"x-sluice-task": "math"})))["cache"] == "miss"


def test_usage_of_wrong_types_is_charged_high_and_in_doubt(gateway: Gateway) -> None:
    broken = {"prompt_tokens": "ten", "completion_tokens": 5}
    gateway.answer_with(lambda _: MemoryReply(as_chunks(completion(usage=broken))))
    response = run(gateway.chat(max_tokens=1000))
    assert response.status_code == 200
    [(_, settlement)] = gateway.meter.settlements
    assert settlement.usage_source == "estimated"
    assert settlement.tokens.output == 1000
    hidden = 1_000  # what the catalog allows the provider to add to the prompt
    assert settlement.tokens.prompt == len(gateway.upstream.sent[0][2]) + hidden
    assert settlement.cost_nano > 0
    assert gateway.store.answers == {}


def test_usage_that_comes_with_the_finish_reason_is_read_too(gateway: Gateway) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    parts = [chunk({"content": "x"}), chunk({}, "stop", usage=usage), b"data: [DONE]\n\n"]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    assert events(run(gateway.chat(stream=True)))[-1]["sluice"]["cost_usd"] == "0.0000035"


def test_two_choices_in_one_stream_end_together(gateway: Gateway) -> None:
    def both(index: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return chunk(delta, reason).replace(b'"index": 0', f'"index": {index}'.encode())

    parts = [
        both(0, {"content": "a"}), both(1, {"content": "b"}),
        both(0, {}, "stop"), both(1, {"content": "c"}), both(1, {}, "stop"),
        usage_chunk(), b"data: [DONE]\n\n",
    ]  # fmt: skip
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    chunks = events(run(gateway.chat(stream=True, n=2)))
    assert [("sluice" in each) for each in chunks] == [False] * 4 + [True]
    stored = run(gateway.chat(n=2)).json()
    assert [c["message"]["content"] for c in stored["choices"]] == ["a", "bc"]


def test_bytes_may_be_cut_anywhere(gateway: Gateway) -> None:
    wire = b"".join(stream_frames())
    parts = [wire[i : i + 7] for i in range(0, len(wire), 7)]
    gateway.answer_with(lambda _: MemoryReply(as_chunks(*parts)))
    text = "".join(
        each["choices"][0]["delta"].get("content") or ""
        for each in events(run(gateway.chat(stream=True)))
    )
    assert text == "Hello you"
