"""A large batch leaves its team's calls room to write."""

from __future__ import annotations

from typing import Any

import pytest

from shared.usecases.batches import running
from shared.usecases.batches.pace import LINES_A_SECOND, LINES_AT_ONCE, Pace
from tests.unit.batches.world import World, chat, line


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = self.begun = 1_795_000_000.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def passed(self) -> float:
        return self.now - self.begun


def test_a_small_batch_waits_for_nothing_and_a_large_one_keeps_to_the_rate() -> None:
    time = Time()
    pace = Pace(time.clock, time.pause)
    for _ in range(0, LINES_AT_ONCE, 90):
        pace.wait("search/2026-11-22", 90)
    assert time.passed == 0
    for _ in range(0, 50_000, 90):
        pace.wait("search/2026-11-22", 90)
    # A partition's thousand units are five hundred rows in transactions.
    assert 0.95 * 50_000 / LINES_A_SECOND < time.passed < 50_000 / LINES_A_SECOND + 1
    assert LINES_A_SECOND < 500


def test_partitions_do_not_wait_for_one_another_and_rest_in_time() -> None:
    time = Time()
    pace = Pace(time.clock, time.pause)
    pace.wait("search/2026-11-22", LINES_AT_ONCE)
    pace.wait("other/2026-11-22", LINES_AT_ONCE)
    assert time.passed == 0
    time.now += LINES_AT_ONCE / LINES_A_SECOND
    pace.wait("search/2026-11-22", LINES_AT_ONCE)
    assert time.passed == LINES_AT_ONCE / LINES_A_SECOND


def test_a_run_whose_time_is_over_leaves_the_hits_of_a_large_batch_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "MOST_LINES", 2)
    world = World()
    world.create(line("first", chat("the same")))
    world.pass_time(1_200)
    made = world.create(*(line(f"l{n}", chat("the same")) for n in range(9)))
    settle_lines = world.ledger.settle_lines

    def slow(*asked: Any) -> Any:
        world.now += 50
        return settle_lines(*asked)

    monkeypatch.setattr(world.ledger, "settle_lines", slow)
    begun = world.now
    world.batches.runner.run("search", made.id, world.now + 120)
    assert world.now - begun == 150
    assert world.batch(made).is_split is False
    assert len(world.ledger.rows) == 1 + 6
    world.batches.runner.run("search", made.id)
    assert world.batch(made).status == "completed"
    assert len(world.ledger.rows) == 1 + 9
    assert world.held() == 0
