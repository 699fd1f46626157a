"""One scene of many processes, and every fault at every one of its points in turn.

Two callers who compete for the room of slices, one whose hold expires before it settles, and a
sweeper, over the end of a month. All clocks are right, so a reservation that failed must cost
nothing in the end, unless it had expired before it could be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tests.simulation.faults import Fault, NoFaults, SingleFault
from tests.simulation.in_parallel import Outcome
from tests.simulation.orders import Bounds, Order
from tests.simulation.plans import TURNS, CallerPlan, Plan
from tests.simulation.world import World

Point = tuple[int, str, bool]
"""The number of a point, a fault's name, and whether tokens are honoured."""

_PLAN = Plan(
    seed=77,
    focus=replace(TURNS, leaps=()),
    start=datetime(2026, 11, 30, 23, 59, 35, tzinfo=UTC).timestamp(),
    bounds=Bounds((160, 400), (200, 400), (100, 200), frozenset(), share_percent=100),
    callers=tuple(
        CallerPlan(f"caller {number}", 0.0, (order,), frozenset())
        for number, order in enumerate(
            (
                Order(("r0", 1), "red", "ra", nano=40, cost=13, tokens=3, lasts=600.0),
                Order(("r2", 1), "red", "ra", nano=35, cost=20, tokens=3, lasts=600.0),
                Order(("r9", 1), "red", "rb", nano=25, cost=25, tokens=3, lasts=0.0),
            )
        )
    ),
    sweeper_skews=(0.0,),
    operator_changes=0,
    fault_rate=0.0,
    honours_tokens=False,
)
_EXPIRES_AT_ONCE = ("r9", 1)


class Recorder(NoFaults):
    """No faults, but a record of what could have happened where."""

    def __init__(self) -> None:
        self.possible: list[Sequence[Fault]] = []

    def at(self, point: int, possible: Sequence[Fault]) -> Fault:
        """Write down what is possible."""
        self.possible.append(possible)
        return Fault.NONE


def undisturbed() -> tuple[World, Recorder]:
    """Run the scene without a fault."""
    recorder = Recorder()
    return World(_PLAN, recorder).run(), recorder


def every_point() -> list[Point]:
    """Return every fault that is possible at every point, with tokens honoured and not."""
    _, recorder = undisturbed()
    return [
        (number, fault.name, honours)
        for number, possible in enumerate(recorder.possible)
        for fault in possible
        for honours in (False, True)
    ]


def run_points(points: list[Point]) -> Outcome:
    """Run the scene once for each point."""
    outcome = Outcome()
    for point in points:
        number, name, honours = point
        world = World(replace(_PLAN, honours_tokens=honours), SingleFault(number, Fault[name]))
        try:
            _check_cost(world.run())
        except AssertionError as error:
            outcome.broken.append(f"{point}: {error}")
        outcome.worlds += 1
        outcome.noticed += world.trace.noticed
    return outcome


def _check_cost(world: World) -> None:
    """Check that what was told "unavailable" has cost nothing, and that books and ledger agree."""
    charged = {row.call for row in world.judge.view.rows.values()}
    for call in set(world.unavailable) - {_EXPIRES_AT_ONCE}:
        assert call not in charged, f"{call} failed and was charged\n{world.trace.told(0)}"
