"""Teams are told of the ends of their batches: at least once, and under the same id."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.adapters.memory import MemoryMeter
from shared.adapters.memory_caller_batches import MemoryCallerBatches
from shared.domain.batches.batch import Status
from shared.domain.batches.events import GIVE_UP_SECONDS
from shared.domain.notices.message import NotTaken
from shared.usecases.batches.telling import BatchTeller
from shared.usecases.crashes import Crashed
from tests.contracts.test_caller_batches import a_batch

NOON = 1_795_000_000.0


@dataclass
class Hooks:
    """Webhooks that take what they are sent unless their team is ``down``."""

    told: tuple[str, ...] = ("search", "other")
    down: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    tries: int = 0

    def is_told(self, team: str) -> bool:
        return team in self.told

    def send(self, team: str, event_id: str, body: bytes) -> None:
        self.tries += 1
        if team in self.down:
            raise NotTaken("status 500", may_have_arrived=True)
        if team in self.broken:
            raise KeyError(team)
        self.sent.append((team, event_id, json.loads(body)))


class World:
    """Batches that have ended, and a teller."""

    def __init__(self) -> None:
        self.now = NOON
        self.batches, self.hooks, self.meter = MemoryCallerBatches(), Hooks(), MemoryMeter()
        self.teller = BatchTeller(
            events=self.batches,
            batches=self.batches,
            hooks=self.hooks,
            meter=self.meter,
            clock=lambda: self.now,
        )

    def end(self, number: int = 1, team: str = "search", status: Status = "completed") -> str:
        batch = a_batch(number, team)
        self.batches.put(batch)
        self.batches.move(batch, batch.changed(status=status, ended_at=self.now))
        return batch.id

    def run(self, seconds: float = 0) -> None:
        self.now += seconds
        self.teller.run(self.now + 100)


@pytest.mark.parametrize("status", ["completed", "failed", "expired", "cancelled"])
def test_a_team_is_told_once_in_openais_words(status: Status) -> None:
    world = World()
    batch_id = world.end(status=status)
    for _ in range(3):
        world.run(7200)
    [(team, event_id, body)] = world.hooks.sent
    assert team == "search"
    assert body == {
        "id": event_id,
        "object": "event",
        "type": f"batch.{status}",
        "created_at": int(NOON),
        "data": {"id": batch_id},
    }


def test_what_was_not_taken_is_sent_again_ever_later_under_the_same_id() -> None:
    world = World()
    world.end()
    world.hooks.down = {"search"}
    tried = []
    for minute in range(24 * 60):
        before = world.hooks.tries
        world.run(60)
        tried += [minute] * (world.hooks.tries - before)
    assert tried[:5] == [0, 1, 3, 7, 15]
    assert len(tried) < 35
    troubles = [what for what, _ in world.meter.troubles]
    assert troubles == ["not_told"] * 4 + ["untold"] * (len(tried) - 4)
    [event] = world.batches.pending()
    world.hooks.down.clear()
    world.now = event.ended_at + GIVE_UP_SECONDS - 1
    world.batches.events[event.id] = event.tried(0.0)
    world.run()
    assert [event_id for _, event_id, _ in world.hooks.sent] == [event.id]


def test_after_a_day_it_is_given_up_and_operators_are_told() -> None:
    world = World()
    world.end()
    world.run(GIVE_UP_SECONDS)
    assert (world.hooks.tries, world.batches.pending()) == (0, [])
    assert [what for what, _ in world.meter.troubles] == ["untold"]


def test_an_event_that_nothing_was_prepared_for_keeps_no_other_from_being_told() -> None:
    world = World()
    for number, team in enumerate(("other", "search", "other", "search")):
        world.end(number, team)
    world.hooks.broken = {"other"}
    with pytest.raises(Crashed):
        world.run()
    assert [team for team, _, _ in world.hooks.sent] == ["search", "search"]
    assert [what for what, _ in world.meter.troubles] == ["crash", "crash"]


def test_a_teller_that_dies_before_it_is_written_down_tells_again_under_the_same_id() -> None:
    world = World()
    world.end()
    world.batches.down = {"drop"}
    world.run()
    assert [what for what, _ in world.meter.troubles] == ["event_stuck"]
    world.batches.down.clear()
    world.run(61)
    world.run(7200)
    ids = [event_id for _, event_id, _ in world.hooks.sent]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_a_team_that_does_not_answer_delays_no_other_and_is_asked_once_a_round() -> None:
    world = World()
    for number in range(3):
        world.end(number, "other")
    world.end(9)
    world.hooks.down = {"other"}
    world.run()
    assert [team for team, _, _ in world.hooks.sent] == ["search"]
    assert world.hooks.tries == 2


def test_nobody_is_told_of_a_team_without_a_webhook_or_of_a_batch_that_is_gone() -> None:
    world = World()
    world.hooks.told = ("search",)
    world.end(1, "other")
    world.end(2)
    world.batches.delete(a_batch(2))
    world.run()
    assert (world.hooks.tries, world.batches.pending()) == (0, [])


def test_no_try_is_begun_when_the_time_is_up() -> None:
    world = World()
    world.end()
    world.teller.run(world.now)
    assert (world.hooks.tries, len(world.batches.pending())) == (0, 1)
