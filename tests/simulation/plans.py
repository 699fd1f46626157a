"""What happens in one seed's world before chance has its say: who is there and wants what.

Money is tight, so that every cap is met now and then. Most worlds begin shortly before midnight,
many at the end of a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from tests.simulation.dice import dice
from tests.simulation.faults import EVERY_FAULT, Fault
from tests.simulation.orders import Bounds, Order
from tests.simulation.scheduler import Leaps

TEAMS = ("red", "blue")
KEYS = {"red": ("ra", "rb"), "blue": ("ba",)}
_SKEW = 10_000.0


@dataclass(frozen=True)
class CallerPlan:
    """One process that makes calls, one after another."""

    name: str
    skew: float
    orders: tuple[Order, ...]
    gives_up: frozenset[int]
    """Which of its orders it never settles, as if the function had timed out."""


@dataclass(frozen=True)
class Focus:
    """What a world is about. ``leaps`` are the clock's; ``environment_share`` is how many of the
    operator's changes are to the environment; ``faults`` are those that can happen.
    """

    name: str
    leaps: Leaps = ((0.03, 90.0), (0.006, 4_000.0), (0.002, 40_000.0))
    days: tuple[int, ...] = (15, 30)
    caps: tuple[int, ...] = (81, 120, 160, 240, 1_000)
    own_caps: tuple[int, ...] = (60, 90, 150, 1_000, 1_000)
    environment_share: float = 0.5
    changes: tuple[int, ...] = (0, 0, 3, 8)
    faults: tuple[Fault, ...] = EVERY_FAULT


ALL = Focus("all of it")
TURNS = Focus(
    "days and months that turn while calls and re-sends are under way",
    leaps=((0.05, 4_000.0), (0.05, 40_000.0)),
    days=(29, 30),
    changes=(0,),
    faults=(
        Fault.CONFLICT,
        Fault.SENT_TWICE,
        Fault.SENT_TWICE_IN_VAIN,
        Fault.ARRIVES_AGAIN,
        Fault.ARRIVES_LATE,
    ),
)
SLICES_RUN_DRY = Focus(
    "slices that run dry while the environment's cap is raised and lowered",
    leaps=((0.05, 90.0), (0.006, 4_000.0)),
    caps=(61, 81, 120, 160),
    own_caps=(1_000,),
    environment_share=1.0,
    changes=(4, 8, 12),
)


@dataclass(frozen=True)
class Plan:
    """All of a world that is fixed beforehand. Times in epoch seconds, skews in seconds."""

    seed: int
    focus: Focus
    start: float
    bounds: Bounds
    callers: tuple[CallerPlan, ...]
    sweeper_skews: tuple[float, ...]
    operator_changes: int
    fault_rate: float
    honours_tokens: bool


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = dice(f"plan {seed}")
    focus = chance.choice((ALL, ALL, TURNS, SLICES_RUN_DRY))
    skewed = chance.random() < 0.6
    return Plan(
        seed=seed,
        focus=focus,
        start=_start(chance, focus),
        bounds=_bounds(chance, focus),
        callers=tuple(_caller(chance, n, skewed) for n in range(chance.randint(3, 7))),
        sweeper_skews=tuple(_skew(chance, skewed) for _ in range(chance.randint(1, 2))),
        operator_changes=chance.choice(focus.changes),
        fault_rate=chance.choice((0.0, 0.03, 0.06, 0.12)),
        honours_tokens=chance.random() < 0.5,
    )


def _start(chance: Random, focus: Focus) -> float:
    midnight = datetime(2026, 11, chance.choice(focus.days), tzinfo=UTC).timestamp() + 86_400
    return midnight - chance.choice((200.0, 3_000.0, 40_000.0)) * chance.random()


def _bounds(chance: Random, focus: Focus) -> Bounds:
    day = chance.choice(focus.caps)
    team, key = chance.choice(focus.own_caps), chance.choice(focus.own_caps)
    kinds = ("environment", "team", "key")
    return Bounds(
        environment=(day, chance.choice((day, day * 3 // 2, day * 5))),
        team=(team, team * chance.randint(1, 3)),
        key=(key, key * chance.randint(1, 3)),
        warned=frozenset(kind for kind in kinds if chance.random() < 0.08),
        share_percent=chance.choice((100, 100, 50)),
        in_flight=chance.choice((None, None, 2, 4)),
        requests=chance.choice((None, None, 2)),
        tokens=chance.choice((None, None, 20)),
    )


def _caller(chance: Random, number: int, skewed: bool) -> CallerPlan:
    orders = tuple(_order(chance, f"r{number}-{n}") for n in range(chance.randint(1, 4)))
    gives_up = frozenset(n for n in range(len(orders)) if chance.random() < 0.15)
    return CallerPlan(f"caller {number}", _skew(chance, skewed), orders, gives_up)


def _order(chance: Random, request_id: str) -> Order:
    team = chance.choice(TEAMS)
    nano = chance.randint(5, 40)
    return Order(
        call=(request_id, 1),
        team=team,
        digest=chance.choice(KEYS[team]),
        nano=nano,
        cost=chance.choice((0, nano // 2, nano, chance.randint(0, nano))),
        tokens=chance.randint(0, 12),
        lasts=chance.choice((30.0, 300.0, 3_000.0)),
    )


def _skew(chance: Random, skewed: bool) -> float:
    return chance.uniform(-_SKEW, _SKEW) if skewed else 0.0
