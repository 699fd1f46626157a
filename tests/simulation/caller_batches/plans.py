"""What happens in one seed's world of callers' batches before chance has its say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.simulation.deferred.plans import TEAMS, Plan
from tests.simulation.deferred.plans import plan_of as deferred_plan_of
from tests.simulation.dice import dice


@dataclass(frozen=True)
class OrderedLine:
    """One line: its name, what it asks, whether it may be cached, whether it asks a real model."""

    name: str
    topic: str
    is_cached: bool
    is_good: bool


@dataclass(frozen=True)
class BatchOrder:
    """One batch: ``again`` tries it again under an Idempotency-Key; ``cancelled`` in seconds."""

    number: int
    team: str
    lines: tuple[OrderedLine, ...]
    again: bool
    cancelled: float | None


@dataclass(frozen=True, kw_only=True)
class BatchPlan(Plan):
    """All of a world that is fixed beforehand."""

    batches: tuple[tuple[BatchOrder, ...], ...]
    """By caller."""
    is_awaited: bool
    """Whether batches are planned while their callers wait."""
    runner_lease: float
    """How long a batch is one process's: for a second only, leases keep nobody away."""


def plan_of(seed: int) -> BatchPlan:
    """Return the plan of a seed."""
    base, chance = deferred_plan_of(seed), dice(f"batches {seed}")
    number = iter(range(100))
    batches = tuple(
        tuple(_order(chance, next(number)) for _ in range(chance.randint(1, 2)))
        for _ in range(chance.randint(1, 2))
    )
    facts = {name: getattr(base, name) for name in Plan.__dataclass_fields__}
    temper = replace(base.temper, lasts=chance.choice((20.0, 200.0, 1_000.0, 40_000.0, 1e9)))
    return BatchPlan(
        **{**facts, "orders": (), "temper": temper, "rounds": chance.randint(4, 8)},
        batches=batches,
        is_awaited=chance.random() < 0.5,
        runner_lease=chance.choice((900.0, 1.0)),
    )


def _order(chance: Random, number: int) -> BatchOrder:
    team = chance.choice(TEAMS)
    lines = tuple(_line(chance, team, number, n) for n in range(chance.randint(1, 6)))
    cancelled = chance.choice((5.0, 100.0, 600.0, 3_000.0)) if chance.random() < 0.3 else None
    return BatchOrder(number, team, lines, chance.random() < 0.5, cancelled)


def _line(chance: Random, team: str, batch: int, number: int) -> OrderedLine:
    draw = chance.random()
    topic = f"{team}: {batch} {number}"
    if draw < 0.25:
        topic = f"{team}: {batch} twins"
    elif draw < 0.4:
        topic = f"{team}: known"
    return OrderedLine(f"l{number}", topic, draw < 0.4, chance.random() < 0.9)
