"""One fault at a time, at every AWS call and every provider call of a scene."""

from __future__ import annotations

import pytest

from tests.simulation.faults import EVERY_FAULT
from tests.simulation.in_parallel import Outcome, spread
from tests.simulation.single_faults import every_point, run_points, undisturbed

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return spread(run_points, every_point())


def test_the_scene_goes_through_every_stage_without_a_fault() -> None:
    world, _ = undisturbed()
    stages = {"settle", "expire", "settle_late", "Roll", "move_room"}
    assert stages <= world.trace.noticed.keys()
    assert len(world.judge.books.costs) == 3


def test_no_single_fault_breaks_a_rule_or_costs_money_for_nothing(outcome: Outcome) -> None:
    assert outcome.worlds >= 400
    assert outcome.broken[:1] == []


def test_every_fault_has_had_its_turn(outcome: Outcome) -> None:
    assert {fault.name for fault in EVERY_FAULT} <= outcome.noticed.keys()
