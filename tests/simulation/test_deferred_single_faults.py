"""One fault at a time, at every step of a scene of deferred calls."""

from __future__ import annotations

import pytest

from tests.simulation.deferred.single_faults import every_point, run_points, undisturbed
from tests.simulation.in_parallel import Outcome, spread

EVERY_NTH = 20
"""``make test`` takes so few of the points; ``make test-long`` takes them all."""


def test_the_scene_goes_through_every_stage_without_a_fault() -> None:
    world, _ = undisturbed()
    assert {"answered by a batch", "answered by a call"} <= world.trace.noticed.keys()
    assert "job_promoted" in world.trace.noticed
    assert len(world.judge.accepted) == 4


@pytest.mark.timeout(600)
def test_no_single_fault_loses_a_job_or_money() -> None:
    points = every_point()
    outcome: Outcome = run_points(points[::EVERY_NTH])
    assert outcome.worlds >= 80
    assert outcome.broken[:1] == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_single_fault_at_any_point_loses_a_job_or_money() -> None:
    outcome = spread(run_points, every_point())
    assert outcome.broken[:1] == []
