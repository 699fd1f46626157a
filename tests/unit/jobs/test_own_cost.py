"""What deferred calls and lines of batches cost at AWS: no function runs while they wait."""

from __future__ import annotations

from shared.catalog.aws_prices import load_own_cost
from shared.clock import utc
from shared.domain.own_cost import Path
from tests.deferral import HOUR, NOON, question
from tests.unit.batches import world as callers
from tests.unit.jobs.world import World


def own(path: Path, seconds: float = 0) -> int:
    cost = load_own_cost(utc(NOON).date())
    return cost.nano(path, milliseconds=round(seconds * 1000), memory_mb=512)


def test_a_job_that_a_batch_answered_has_no_time_of_its_own() -> None:
    world = World()
    world.accept()
    world.pass_time(3_600)
    [row] = world.ledger.rows.values()
    assert row.aws_nano == own("deferred") > 0


def test_a_job_that_waited_for_hours_pays_for_the_seconds_of_its_call() -> None:
    world = World(lasts=1e9)
    world.provider.cancelling = 1e9
    job = world.accept(hours=3)
    made = world.upstream.answering

    def slow(*asked: object) -> object:
        world.now += 7
        return made(*asked)  # type: ignore[arg-type]

    world.upstream.answering = slow  # type: ignore[assignment]
    world.pass_time(3 * HOUR)
    assert world.job(job).state == "done"
    [row] = world.ledger.rows.values()
    assert row.milliseconds > 2 * HOUR * 1000
    assert row.aws_nano == own("deferred", 7)


def test_a_job_that_the_cache_answered_after_hours_pays_for_no_time() -> None:
    world = World()
    jobs = [world.accept(hours=hours, body=question("the same")) for hours in (0.2, 24)]
    first, second = sorted(world.queue.sent, key=lambda sent: sent[1] != jobs[0].id)
    world.queue.sent = [first]
    world.deliver()
    world.now += 600
    world.queue.sent = [second]
    world.deliver()
    [settled] = [how for entry, how in world.meter.settlements if entry.cache == "hit"]
    assert settled.aws_nano == own("deferred")


def test_lines_of_a_batch_that_the_cache_answered_cost_what_a_line_costs() -> None:
    world = callers.World()
    world.create(callers.line("first", callers.chat("the same")))
    world.pass_time(1_200)
    again = [callers.line(name, callers.chat("the same")) for name in ("a", "b")]
    world.create(*again, callers.line("new"), callers.line("twin", callers.chat("new")))
    world.pass_time(1_200)
    rows = list(world.ledger.rows.values())
    assert len(rows) == 5
    assert {row.aws_nano for row in rows} == {own("batch_line")}
