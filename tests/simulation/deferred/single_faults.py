"""One scene of deferred calls, and every fault at every one of its points in turn.

Two calls that share a batch, one that is called at once, one whose batch will not make it; two
dispatchers and two tickers that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.deferral import HOUR, NOON
from tests.simulation.deferred.plans import Order, Plan, Temper
from tests.simulation.deferred.world import World
from tests.simulation.faults import Fault, NoFaults, SingleFault
from tests.simulation.in_parallel import Outcome

Point = tuple[int, str, bool]
"""The number of a point, a fault's name, and whether batches are found by our id."""

_PLAN = Plan(
    seed=8,
    start=NOON,
    orders=(
        (
            Order(0, "search", 5 * HOUR, "topic 0", is_cached=False),
            Order(1, "search", 1_500.0, "topic 1", is_cached=False),
        ),
        (
            Order(2, "other", 5 * HOUR, "topic 2", is_cached=True),
            Order(3, "other", 2_400.0, "topic 3", is_cached=False),
        ),
    ),
    temper=Temper(lasts=3_000.0, cancelling=30_000.0, keeps_ids=True),
    dispatchers=2,
    tickers=2,
    rounds=14,
    fault_rate=0.0,
    leaps=(),
    skewed=False,
    honours_tokens=False,
    naps=(30.0, 300.0, 900.0),
)


class Recorder(NoFaults):
    """No faults, but a record of what could have happened where."""

    def __init__(self) -> None:
        self.possible: list[Sequence[Fault]] = []

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Write down what is possible."""
        self.possible.append(possible)
        return Fault.NONE


def _plan(*, keeps_ids: bool) -> Plan:
    return replace(_PLAN, temper=replace(_PLAN.temper, keeps_ids=keeps_ids))


def undisturbed() -> tuple[World, Recorder]:
    """Run the scene without a fault."""
    recorder = Recorder()
    return World(_plan(keeps_ids=True), recorder).run(), recorder


def every_point() -> list[Point]:
    """Return every fault that is possible at every point before all is quiet."""
    _, recorder = undisturbed()
    return [
        (number, fault.name, number % 2 == 0)
        for number, possible in enumerate(recorder.possible)
        for fault in possible
    ]


def run_points(points: list[Point]) -> Outcome:
    """Run the scene once for each point."""
    outcome = Outcome()
    for point in points:
        number, name, keeps_ids = point
        world = World(_plan(keeps_ids=keeps_ids), SingleFault(number, Fault[name]))
        try:
            world.run()
        except AssertionError as error:
            outcome.broken.append(f"{point}: {error}")
        outcome.worlds += 1
        outcome.noticed += world.trace.noticed
    return outcome
