"""Anthropic's message batches, through the stock SDK."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import Anthropic, AnthropicError, BadRequestError, NotFoundError
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from tests.unit.simulator.batch_lines import (
    CLAUDE,
    COMPLETION,
    HOUR,
    PROMPT,
    message_line,
    strike,
)
from tests.unit.simulator.conftest import KEY, Simulator

DAY = 24 * HOUR


def begin(anthropic: Anthropic, count: int = 1) -> MessageBatch:
    lines = [message_line(f"line-{n}") for n in range(count)]
    return anthropic.messages.batches.create(requests=lines)


def after(
    simulator: Simulator, anthropic: Anthropic, batch: MessageBatch, seconds: float
) -> MessageBatch:
    simulator.pass_seconds(seconds)
    return anthropic.messages.batches.retrieve(batch.id)


def results(anthropic: Anthropic, batch: MessageBatch) -> dict[str, MessageBatchIndividualResponse]:
    rows = list(anthropic.messages.batches.results(batch.id))
    found = {row.custom_id: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_batch_counts_nothing_until_it_has_ended(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    batch = begin(anthropic, 20)
    assert batch.processing_status == "in_progress"
    assert (batch.expires_at - batch.created_at).total_seconds() == DAY
    working = after(simulator, anthropic, batch, 612)
    assert (working.processing_status, working.results_url) == ("in_progress", None)
    assert (working.request_counts.processing, working.request_counts.succeeded) == (20, 0)
    with pytest.raises(AnthropicError, match="results_url"):
        anthropic.messages.batches.results(batch.id)
    done = after(simulator, anthropic, batch, 60)
    assert done.processing_status == "ended"
    assert done.ended_at is not None
    assert (done.request_counts.processing, done.request_counts.succeeded) == (0, 20)
    assert str(done.results_url).startswith(simulator.url + "/anthropic/v1/messages/batches/")
    names = list(results(anthropic, done))
    assert set(names) == {f"line-{n}" for n in range(20)}
    assert names != sorted(names, key=lambda name: int(name[5:]))


def test_a_line_is_answered_as_a_call_is_and_costs_half(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    text: Any = [{"role": "user", "content": "Why is the sky blue?"}]
    called = anthropic.messages.create(model=CLAUDE, max_tokens=100, messages=text)
    line = message_line("a", "Why is the sky blue?")
    batch = anthropic.messages.batches.create(requests=[line])
    done = after(simulator, anthropic, batch, HOUR)
    result = results(anthropic, done)["a"].result
    assert result.type == "succeeded"
    assert result.message.content == called.content
    assert result.message.usage.output_tokens == called.usage.output_tokens
    assert result.message.usage.service_tier == "batch"
    one, half = simulator.lines(2)
    assert (half["batch"], one["batch"]) == (batch.id, None)
    assert half["cost_pico"] * 2 == one["cost_pico"]


def test_models_may_be_mixed_and_each_costs_half_its_own_price(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    lines = [message_line("a"), message_line("b", model="claude-opus-5-5")]
    anthropic.messages.batches.create(requests=lines)
    simulator.pass_seconds(HOUR)
    haiku, opus = simulator.lines(2)
    assert haiku["cost_pico"] == (PROMPT * 100_000 + COMPLETION * 500_000) // 2
    assert opus["cost_pico"] == (PROMPT * 4_000_000 + COMPLETION * 20_000_000) // 2


def test_bad_params_are_the_affair_of_their_line(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    lines = [
        message_line("good"),
        message_line("odd", colour="red"),
        message_line("nobody", model="nobody"),
        message_line("ill", "[fail 529]"),
    ]
    batch = anthropic.messages.batches.create(requests=lines)
    done = after(simulator, anthropic, batch, HOUR)
    assert (done.request_counts.succeeded, done.request_counts.errored) == (1, 3)
    kinds = {
        name: row.result.error.error.type
        for name, row in results(anthropic, done).items()
        if row.result.type == "errored"
    }
    assert kinds == {
        "odd": "invalid_request_error",
        "nobody": "not_found_error",
        "ill": "overloaded_error",
    }
    assert len(simulator.books()["lines"]) == 1


@pytest.mark.parametrize(
    "names", [["a", "a"], ["a", "b c"], ["a", ""], ["a", "x" * 65], ["a", "b\n"], []]
)
def test_one_bad_custom_id_fails_the_whole_batch(
    simulator: Simulator, anthropic: Anthropic, names: list[str]
) -> None:
    with pytest.raises(BadRequestError, match="requests"):
        anthropic.messages.batches.create(requests=[message_line(name) for name in names])
    assert list(anthropic.messages.batches.list()) == []


def test_a_canceled_batch_keeps_and_bills_what_was_done(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    batch = begin(anthropic, 20)
    simulator.pass_seconds(612)
    assert anthropic.messages.batches.cancel(batch.id).processing_status == "canceling"
    assert anthropic.messages.batches.cancel(batch.id).processing_status == "canceling"
    done = after(simulator, anthropic, batch, 60)
    assert done.cancel_initiated_at is not None
    counts = done.request_counts
    assert counts.succeeded > 0
    assert counts.canceled > 0
    assert counts.succeeded + counts.canceled == 20
    kinds = [row.result.type for row in results(anthropic, done).values()]
    assert kinds.count("canceled") == counts.canceled
    assert len(simulator.books()["lines"]) == counts.succeeded
    with pytest.raises(BadRequestError):
        anthropic.messages.batches.cancel(batch.id)


def test_what_had_no_turn_in_a_day_expires(simulator: Simulator, anthropic: Anthropic) -> None:
    strike(simulator, "batch_partial", share=0.5)
    batch = begin(anthropic, 4)
    done = after(simulator, anthropic, batch, DAY + 60)
    assert (done.request_counts.succeeded, done.request_counts.expired) == (2, 2)
    assert len(simulator.books()["lines"]) == 2


def test_results_are_gone_after_29_days(simulator: Simulator, anthropic: Anthropic) -> None:
    batch = begin(anthropic)
    done = after(simulator, anthropic, batch, 29 * DAY)
    assert (done.results_url, done.processing_status) == (None, "ended")
    assert done.archived_at is not None
    path = f"/anthropic/v1/messages/batches/{batch.id}/results"
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    assert simulator.control.get(path, headers=headers).status_code == 404


def test_only_an_ended_batch_can_be_deleted(simulator: Simulator, anthropic: Anthropic) -> None:
    batch = begin(anthropic)
    with pytest.raises(BadRequestError):
        anthropic.messages.batches.delete(batch.id)
    after(simulator, anthropic, batch, HOUR)
    assert anthropic.messages.batches.delete(batch.id).type == "message_batch_deleted"
    with pytest.raises(NotFoundError):
        anthropic.messages.batches.retrieve(batch.id)


def test_batches_are_listed_newest_first_and_paged_both_ways(anthropic: Anthropic) -> None:
    made = [begin(anthropic).id for _ in range(5)][::-1]
    listed = anthropic.messages.batches.list
    assert [batch.id for batch in listed(limit=2)] == made
    page = listed(limit=2, before_id=made[3])
    assert ([b.id for b in page.data], page.has_more) == (made[1:3], True)
    assert [b.id for b in listed(limit=2, after_id=made[3]).data] == made[4:]
    with pytest.raises(BadRequestError):
        listed(limit=0)


def test_a_batch_of_another_key_does_not_exist(anthropic: Anthropic) -> None:
    batch = begin(anthropic)
    other = anthropic.with_options(api_key=KEY + "-other")
    for asked in (
        other.messages.batches.retrieve,
        other.messages.batches.cancel,
        other.messages.batches.delete,
    ):
        with pytest.raises(NotFoundError):
            asked(batch.id)
    assert list(other.messages.batches.list()) == []


def test_a_batch_may_be_refused_as_a_whole(simulator: Simulator, anthropic: Anthropic) -> None:
    strike(simulator, "batch_invalid")
    with pytest.raises(BadRequestError):
        begin(anthropic)
    assert begin(anthropic).processing_status == "in_progress"


def test_params_may_be_spread_over_several_lines(
    simulator: Simulator, anthropic: Anthropic
) -> None:
    body = (
        '{"requests": [{"custom_id": "a", "params": {\n"model": "%s",\n"max_tokens": 9,\n'
        '"messages": [{"role": "user", "content": "x\\ny"}]}}]}'
    )
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    path = "/anthropic/v1/messages/batches"
    answer = simulator.control.post(path, content=body % CLAUDE, headers=headers)
    batch = MessageBatch.model_validate(answer.raise_for_status().json())
    done = after(simulator, anthropic, batch, HOUR)
    assert done.request_counts.succeeded == 1
