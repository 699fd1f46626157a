"""A deferred call from its acceptance to its answer, on memory alone."""

from __future__ import annotations

import json

import pytest

from shared.catalog import Catalog
from shared.domain.errors import BudgetExceeded, InvalidRequest, NoBatchApi
from shared.domain.jobs.lines import AskedLine, BatchProgress, LineResult
from shared.domain.jobs.provider_errors import BatchAnswerLost, BatchRefused
from tests.deferral import (
    BATCH_COST,
    FULL_COST,
    HOUR,
    MODEL,
    NOON,
    UNCACHED,
    catalog,
    completion,
    question,
)
from tests.unit.jobs.world import World, replace


def test_calls_wait_for_company_and_go_together_at_half_price() -> None:
    world = World()
    jobs = [world.accept() for _ in range(40)]
    assert world.held() > 40 * BATCH_COST
    world.pass_time(1_000)
    assert len(world.provider.created) == 1
    assert world.job(jobs[0]).state == "assigned"
    world.pass_time(1_000)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert json.loads(world.answer(jobs[7]))["choices"][0]["message"]["content"] == "Hello!"
    assert (world.held(), world.spent()) == (0, 40 * BATCH_COST)
    levers = [row.levers for row in world.ledger.rows.values()]
    assert {each.batch for each in levers} == {FULL_COST - BATCH_COST}
    assert world.jobs.rooms == {}
    assert world.upstream.sent == []
    assert world.troubles() == []


def test_a_near_deadline_is_called_at_once_at_full_price() -> None:
    world = World()
    job = world.accept(hours=0.1)
    world.deliver()
    assert world.job(job).state == "done"
    assert world.costs() == [(1, "answered", FULL_COST)]
    assert (world.held(), world.jobs.rooms) == (0, {})


def test_a_call_that_the_cache_has_answered_is_done_at_no_cost() -> None:
    world = World()
    first = world.accept(body=question("the same"))
    world.pass_time(2_000)
    again = world.accept(body=question("the same"))
    assert (again.state, again.notes["cost_usd"]) == ("done", "0")
    assert world.answer(again) == world.answer(first)
    assert world.held() == 0


def test_what_was_answered_meanwhile_is_not_asked_again() -> None:
    world = World()
    first = world.accept(hours=0.2, body=question("the same"))
    second = world.accept(hours=24, body=question("the same"))
    world.queue.sent.sort(key=lambda sent: sent[1] != first.id)
    world.queue.sent, later = world.queue.sent[:1], world.queue.sent[1:]
    world.deliver()
    world.queue.sent = later
    world.deliver()
    assert {world.job(first).state, world.job(second).state} == {"done"}
    assert (world.spent(), world.held(), world.jobs.rooms) == (FULL_COST, 0, {})


def test_lines_that_failed_go_again_twice_and_then_fail_with_the_reason() -> None:
    world = World(answering=lambda _: LineResult("", "errored", http_status=500))
    job = world.accept(hours=24)
    world.pass_time(3 * HOUR)
    failed = world.job(job)
    assert (failed.state, failed.tries) == ("failed", 2)
    assert failed.error is not None
    assert (failed.error.status, failed.error.code) == (502, "upstream_failed")
    assert len(world.provider.created) == 3
    assert (world.held(), world.spent(), world.jobs.rooms) == (0, 0, {})


def test_a_line_that_the_provider_refuses_is_not_sent_again() -> None:
    refused = LineResult("", "errored", http_status=400, message="no such thing")
    world = World(answering=lambda _: refused)
    job = world.accept()
    world.pass_time(HOUR)
    error = world.job(job).error
    assert error is not None
    assert (error.status, "no such thing" in error.message) == (400, True)
    assert len(world.provider.created) == 1


def without_batches(known: Catalog) -> Catalog:
    model = known.models[MODEL]
    standard = tuple(row for row in model.prices if row.variant != "batch")
    return replace(known, models={**known.models, MODEL: replace(model, prices=standard)})


def without_openai(known: Catalog) -> Catalog:
    models = {name: each for name, each in known.models.items() if each.provider != "openai"}
    providers = {name: each for name, each in known.providers.items() if name != "openai"}
    return replace(known, models=models, providers=providers)


def test_jobs_of_a_model_that_leaves_the_batches_are_called_at_once() -> None:
    world = World()
    jobs = [world.accept(hours=24) for _ in range(3)]
    world.process = world.another(without_batches(catalog()))
    world.pass_time(200)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert (world.held(), world.spent()) == (0, 3 * FULL_COST)
    assert (world.jobs.rooms, world.jobs.lanes, world.provider.created) == ({}, {}, {})


def test_jobs_of_a_provider_that_leaves_the_stack_fail_and_hold_nothing() -> None:
    world = World()
    job = world.accept(hours=24)
    world.process = world.another(without_openai(catalog()), disabled=("openai",))
    world.pass_time(200)
    error = world.job(job).error
    assert error is not None
    assert (world.job(job).state, error.status, MODEL in error.message) == ("failed", 400, True)
    assert (world.held(), world.spent(), world.jobs.rooms) == (0, 0, {})


def test_jobs_in_a_batch_of_a_provider_that_leaves_the_stack_end_by_their_deadline() -> None:
    world = World()
    job = world.accept(hours=2)
    world.pass_time(1_000)
    assert world.job(job).state == "assigned"
    world.process = world.another(without_openai(catalog()), disabled=("openai",))
    world.pass_time(2 * HOUR - 1_000)
    assert world.job(job).state == "failed"
    assert world.held() > 0, "the provider may still bill the line"
    assert "batch_unread" in world.troubles()


def test_a_round_that_finds_nothing_takes_no_lane() -> None:
    world = World(providers=("openai", "anthropic"))
    world.tick()
    assert world.jobs.lanes == {}


def test_a_batch_that_never_ends_has_its_jobs_called_before_their_deadline() -> None:
    world = World(lasts=1e9)
    jobs = [world.accept(hours=2) for _ in range(3)]
    world.pass_time(2 * HOUR)
    assert {world.job(job).state for job in jobs} == {"done"}
    finished = [world.job(job).finished_at or 0 for job in jobs]
    assert max(finished) <= NOON + 2 * HOUR
    assert [cost for cost in world.costs() if cost[2]] == [(2, "answered", FULL_COST)] * 3
    assert (world.held(), world.spent()) == (0, 3 * FULL_COST)
    assert [each.cancelled for each in world.provider.created.values()] == [True]


def test_a_cancellation_that_does_not_end_in_time_pays_twice_and_says_so() -> None:
    world = World(lasts=1e9)
    world.provider.cancelling = 3 * HOUR
    world.provider.begun_when_cancelled = 1
    jobs = [world.accept(hours=2) for _ in range(2)]
    world.pass_time(2 * HOUR)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert "job_promoted" in world.troubles()
    assert world.held() > 0, "the batch may still bill its lines"
    world.pass_time(4 * HOUR)
    assert world.held() == 0
    assert world.costs() == [
        (1, "answered", BATCH_COST),
        (2, "answered", FULL_COST),
        (2, "answered", FULL_COST),
    ]


def test_only_the_jobs_whose_time_is_up_are_called_and_the_others_join_another_batch() -> None:
    world = World(lasts=1e9)
    near = world.accept(hours=5)
    far = world.accept(hours=7.5)
    world.pass_time(1_000)
    assert len(world.provider.created) == 1, "about as long until their deadlines"
    world.provider.lasts = 600
    world.pass_time(5 * HOUR)
    assert (world.job(near).state, world.job(far).state) == ("done", "done")
    assert sorted(cost for _, _, cost in world.costs() if cost) == [BATCH_COST, FULL_COST]


def test_a_lost_create_answer_is_adopted_and_never_sent_again() -> None:
    for keeps_ids in (True, False):
        world = World(keeps_ids=keeps_ids)
        job = world.accept()
        world.provider.failing_after["create"] = BatchAnswerLost("broken connection")
        world.pass_time(HOUR)
        assert world.job(job).state == "done"
        assert len(world.provider.created) == 1


def test_a_create_that_never_arrived_is_sent_again_once_it_must_have_arrived() -> None:
    world = World()
    job = world.accept()
    world.provider.failing["create"] = BatchAnswerLost("broken connection")
    world.pass_time(1_100)
    assert world.provider.created == {}
    world.pass_time(HOUR)
    assert world.job(job).state == "done"
    assert len(world.provider.created) == 1


def test_a_refused_batch_is_halved_until_the_line_at_fault_is_alone() -> None:
    world = World()
    jobs = [world.accept(body=question(f"poison {n}" if n == 2 else f"{n}")) for n in range(5)]
    create = world.provider.create

    def picky(batch: object, lines: object) -> str:
        if any(b"poison" in line.body for line in lines()):  # type: ignore[operator]
            raise BatchRefused("line with poison")
        return create(batch, lines)  # type: ignore[arg-type]

    world.provider.create = picky  # type: ignore[method-assign]
    world.pass_time(5 * HOUR)
    assert [world.job(job).state for job in jobs] == ["done", "done", "failed", "done", "done"]
    assert (world.held(), world.spent()) == (0, 4 * BATCH_COST)


def test_a_streamed_call_a_model_without_batches_and_an_empty_budget_are_refused() -> None:
    world = World(cap="0.000001")
    with pytest.raises(InvalidRequest, match="streamed"):
        world.accept(body=question(stream=True))
    with pytest.raises(NoBatchApi, match="deepseek"):
        world.accept(body=question(model="deepseek-flash"))
    with pytest.raises(BudgetExceeded):
        world.accept()
    assert (world.jobs.rooms, world.jobs.jobs, world.ledger.holds) == ({}, {}, {})


def test_an_answer_that_cannot_be_read_is_charged_and_told() -> None:
    def answering(_: AskedLine) -> LineResult:
        return LineResult("", "succeeded", completion(usage={"prompt_tokens": "ten"}))

    world = World(answering=answering)
    job = world.accept(cache=UNCACHED)
    most = world.held()
    world.pass_time(HOUR)
    assert world.job(job).state == "done"
    assert world.costs() == [(1, "answered", most)]
    assert [row.usage_source for row in world.ledger.rows.values()] == ["estimated"]


def test_a_batch_that_fails_after_its_jobs_were_promoted_gives_their_holds_back() -> None:
    world = World(lasts=1e9)
    world.provider.cancelling = 1e9
    jobs = [world.accept(hours=2) for _ in range(2)]
    world.pass_time(2 * HOUR)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert world.held() > 0
    world.provider.progress = lambda _: BatchProgress(  # type: ignore[method-assign, assignment]
        is_over=True, failed_because="invalid file"
    )
    world.pass_time(HOUR)
    assert (world.held(), world.spent()) == (0, 2 * FULL_COST)
