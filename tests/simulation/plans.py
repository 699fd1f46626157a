"""What happens in one seed's world before chance has its say: who is there and wants what.

Money is tight, so that every cap is met now and then. Most worlds begin shortly before midnight,
many at the end of a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from tests.simulation.orders import Bounds, Order

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
class Plan:
    """All of a world that is fixed beforehand. Times in epoch seconds, skews in seconds."""

    seed: int
    start: float
    bounds: Bounds
    callers: tuple[CallerPlan, ...]
    sweeper_skews: tuple[float, ...]
    operator_changes: int
    fault_rate: float
    honours_tokens: bool


def plan_of(seed: int, *, fault_rate: float | None = None) -> Plan:
    """Return the plan of a seed."""
    chance = Random(f"plan {seed}")
    skewed = chance.random() < 0.6
    rate = chance.choice((0.0, 0.03, 0.06, 0.12)) if fault_rate is None else fault_rate
    return Plan(
        seed=seed,
        start=_start(chance),
        bounds=_bounds(chance),
        callers=tuple(_caller(chance, n, skewed) for n in range(chance.randint(3, 7))),
        sweeper_skews=tuple(_skew(chance, skewed) for _ in range(chance.randint(1, 2))),
        operator_changes=chance.choice((0, 0, 3, 8)),
        fault_rate=rate,
        honours_tokens=chance.random() < 0.5,
    )


def _start(chance: Random) -> float:
    midnight = datetime(2026, 11, chance.choice((15, 30)), tzinfo=UTC).timestamp() + 86_400
    return midnight - chance.choice((200.0, 3_000.0, 40_000.0)) * chance.random()


def _bounds(chance: Random) -> Bounds:
    day = chance.choice((81, 120, 160, 240, 1_000))
    team, key = chance.choice((90, 150, 1_000, 1_000)), chance.choice((60, 100, 1_000, 1_000))
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
