"""What is left behind where a process died, and who may read what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.domain.errors import JobNotFound, StoreUnavailable
from shared.domain.jobs.lines import AskedLine, LineResult
from shared.domain.jobs.provider_errors import BatchAnswerLost
from tests.deferral import BATCH_COST, HOUR, call, completion, question
from tests.unit.jobs.world import World


def test_an_acceptance_that_died_before_its_job_gives_its_hold_back() -> None:
    world = World()
    world.jobs.down = {"put"}
    with pytest.raises(StoreUnavailable):
        world.accept()
    assert world.held() > 0
    world.jobs.down = set()
    world.pass_time(HOUR)
    assert (world.held(), world.spent(), world.jobs.rooms) == (0, 0, {})
    assert "job_never_accepted" in world.troubles()
    assert world.provider.created == {}


def test_a_lost_message_loses_time_and_nothing_else() -> None:
    world = World()
    world.queue.is_down = True
    job = world.accept(hours=0.4)
    world.queue.is_down = False
    world.pass_time(600)
    assert world.job(job).state == "done"


def test_a_call_whose_process_died_is_charged_in_doubt_and_made_again() -> None:
    class Death(BaseException):
        pass

    world = World()
    job = world.accept(hours=0.45)
    held = world.held()
    answering = world.upstream.answering

    def dies(*_: object) -> object:
        world.ledger.down = {"end"}
        raise Death

    world.upstream.answering = dies  # type: ignore[assignment]
    with pytest.raises(Death):
        world.deliver()
    world.ledger.down = set()
    world.upstream.answering = answering
    world.pass_time(HOUR * 0.45)
    assert world.job(job).state == "done"
    assert world.costs()[0] == (1, "expired", held)
    assert world.meter.charges == [held], "the metrics know"
    assert (world.held(), world.costs()[1][:2]) == (0, (2, "answered"))


def test_collecting_goes_on_where_the_time_was_over() -> None:
    world = World()
    jobs = [world.accept() for _ in range(250)]
    world.pass_time(960)
    world.now += 700
    results = world.provider.results

    def slow(batch: object) -> Iterator[LineResult]:
        for result in results(batch):  # type: ignore[arg-type]
            world.now += 1
            yield result

    world.provider.results = slow  # type: ignore[method-assign]
    collector = world.process.machinery.collector
    collector.run(world.now + 100)
    assert [world.job(job).state for job in jobs].count("done") == 180, "two pieces of 90"
    collector.run(world.now + 1_000)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert world.spent() == 250 * BATCH_COST


def test_results_that_break_off_are_read_again_and_settled_once() -> None:
    world = World()
    jobs = [world.accept() for _ in range(200)]
    world.pass_time(960)
    results = world.provider.results
    broken = [True]

    def breaks_off(batch: object) -> object:
        for number, result in enumerate(results(batch)):  # type: ignore[arg-type]
            if broken and number == 120:
                broken.clear()
                raise BatchAnswerLost("cut off")
            yield result

    world.provider.results = breaks_off  # type: ignore[method-assign, assignment]
    world.pass_time(HOUR)
    assert {world.job(job).state for job in jobs} == {"done"}
    assert (world.spent(), world.held()) == (200 * BATCH_COST, 0)
    assert len(world.ledger.rows) == 200


def test_a_line_that_is_answered_twice_is_settled_once() -> None:
    world = World()
    job = world.accept()
    world.pass_time(960)
    results = world.provider.results
    world.provider.results = lambda batch: iter([*results(batch)] * 2)  # type: ignore[method-assign]
    world.pass_time(HOUR)
    assert (world.job(job).state, world.spent()) == ("done", BATCH_COST)


def test_a_foreign_line_is_nobodys_and_the_own_one_goes_again() -> None:
    world = World()
    job = world.accept()
    world.pass_time(960)
    results = world.provider.results

    def foreign(batch: object) -> object:
        world.provider.results = results  # type: ignore[method-assign]
        return iter([LineResult("bat_other-0", "succeeded", completion())])

    world.provider.results = foreign  # type: ignore[method-assign, assignment]
    world.pass_time(2 * HOUR)
    assert "foreign_line" in world.troubles()
    assert (world.job(job).state, world.spent()) == ("done", BATCH_COST)


def test_a_job_is_read_by_its_own_team_and_is_delivered_then() -> None:
    world = World()
    job = world.accept()
    read = world.process.reader
    assert asyncio.run(read("search", job.id)).answer is None
    world.pass_time(HOUR)
    for team, name in (("other", job.id), ("search", "job_no"), ("search", "")):
        with pytest.raises(JobNotFound):
            asyncio.run(read(team, name))
    found = asyncio.run(read("search", job.id))
    assert (found.job.state, found.answer) == ("delivered", completion())
    assert asyncio.run(read("search", job.id)).answer == completion()


def test_waiting_for_a_job_reads_it_a_bounded_number_of_times() -> None:
    world = World()
    job = world.accept()
    reads = []
    get = world.jobs.get
    world.jobs.get = lambda *place: (reads.append(place), get(*place))[1]  # type: ignore[method-assign, func-returns-value]

    async def sleep(seconds: float) -> None:
        world.now += seconds

    world.process.reader._sleep = sleep
    asyncio.run(world.process.reader("search", job.id, 1_000.0))
    assert 10 < len(reads) < 20
    assert world.now - job.created_at == pytest.approx(60.0)


def test_an_answer_to_a_schema_is_judged() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    asked = question(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": schema, "strict": True},
        }
    )

    def answering(_: AskedLine) -> LineResult:
        return LineResult("", "succeeded", completion('{"a": 1}'))

    world = World(answering=answering)
    world.accept(body=asked)
    world.pass_time(HOUR)
    assert [row.schema for row in world.ledger.rows.values()] == ["broken"]


def test_a_retry_with_the_same_idempotency_key_gets_the_same_job() -> None:
    world = World()
    first = replace(call(1, world.now, world.now + HOUR), idempotency_key="k")
    again = replace(call(2, world.now, world.now + HOUR, body=first.body), idempotency_key="k")
    jobs = [asyncio.run(world.process.accept(made)) for made in (first, again)]
    assert jobs[0].id == jobs[1].id
    assert len(world.jobs.jobs) == 1


def test_a_job_that_arrives_after_it_was_given_up_is_turned_away() -> None:
    world = World()
    sent = []
    world.jobs.down = {"put"}
    put = world.jobs.put
    world.jobs.put = lambda job: (sent.append(job), put(job))[1]  # type: ignore[method-assign, func-returns-value]
    with pytest.raises(StoreUnavailable):
        world.accept()
    world.jobs.down = set()
    world.pass_time(HOUR)
    with pytest.raises(StoreUnavailable):
        put(sent[0])
    world.pass_time(HOUR)
    assert (world.jobs.jobs, world.provider.created, world.held()) == ({}, {}, 0)


def test_who_decides_late_that_a_job_must_hurry_takes_no_hold_from_its_next_batch() -> None:
    world = World(answering=lambda _: LineResult("", "errored", http_status=500))
    job = world.accept()
    world.pass_time(1_000)
    seen = world.job(job)
    assert seen.state == "assigned"
    world.pass_time(1_900)
    assert world.job(job).batch not in {None, seen.batch}, "it is in another batch, its hold too"
    before = world.held()
    world.process.machinery.rooms.hurry(seen, tries=1)
    world.deliver()
    assert world.held() == before > 0
    assert world.upstream.sent == []
