"""What happens in one seed's world before chance has its say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.deferral import HOUR, NOON
from tests.simulation.dice import dice
from tests.simulation.scheduler import Leaps

TEAMS = ("search", "other")
_SKEW = 30.0


@dataclass(frozen=True)
class Order:
    """One call: its number, its team, the seconds to its deadline, and what it asks."""

    number: int
    team: str
    seconds: float
    topic: str
    is_cached: bool


@dataclass(frozen=True)
class Temper:
    """How the provider is. Shares are chances, of each line or of each batch; times in seconds.

    A batch takes ``lasts``; it ends ``cancelling`` after it was cancelled. ``keeps_ids``: a batch
    is found by our id. ``fails``: a batch fails after its create. ``limited``: it does for a limit
    of the account's. ``not_taken``: a create is turned away. The rest is how lines end that are not
    answered.
    """

    lasts: float
    cancelling: float
    keeps_ids: bool
    fails: float = 0.0
    not_taken: float = 0.0
    refused: float = 0.0
    errored: float = 0.0
    invalid: float = 0.0
    expired: float = 0.0
    unsaid: float = 0.0
    garbled: float = 0.0
    call_errors: float = 0.0
    limited: float = 0.0


@dataclass(frozen=True)
class Plan:
    """All of a world that is fixed beforehand."""

    seed: int
    start: float
    orders: tuple[tuple[Order, ...], ...]
    """By acceptor."""
    temper: Temper
    dispatchers: int
    tickers: int
    rounds: int
    fault_rate: float
    leaps: Leaps
    skewed: bool
    honours_tokens: bool
    calls_a_second: float = 2.0
    """At a two-hundredth, a batch of three lines is called a quarter of its time early."""
    cancels: int = 0
    """How many jobs an operator cancels."""
    leased: float = 300.0
    """How long a lane or a batch is leased: for a second only, leases keep nobody away."""
    naps: tuple[float, ...] = (10.0, 60.0, 60.0, 300.0, 1_500.0)
    """How long dispatchers and tickers sleep between two invocations."""


def plan_of(seed: int) -> Plan:
    """Return the plan of a seed."""
    chance = dice(f"deferred {seed}")
    number = iter(range(1000))
    orders = tuple(
        tuple(_order(chance, next(number)) for _ in range(chance.randint(1, 3)))
        for _ in range(chance.randint(1, 3))
    )
    more = dice(f"deferred more {seed}")
    return Plan(
        seed=seed,
        start=NOON - chance.choice((0.0, 12 * HOUR + 300)),
        orders=orders,
        temper=replace(_temper(chance), limited=more.choice((0.0, 0.0, 0.5))),
        cancels=more.choice((0, 0, 3)),
        calls_a_second=more.choice((2.0, 2.0, 0.005)),
        dispatchers=chance.randint(1, 2),
        tickers=chance.randint(1, 4),
        rounds=chance.randint(5, 14),
        fault_rate=chance.choice((0.0, 0.02, 0.05, 0.1)),
        leaps=((0.01, 60.0), (0.002, 600.0), (0.0005, 4_000.0)),
        skewed=chance.random() < 0.5,
        honours_tokens=chance.random() < 0.5,
        leased=chance.choice((300.0, 1.0)),
        naps=chance.choice(((10.0, 60.0, 60.0, 300.0, 1_500.0), (1.0, 5.0, 400.0))),
    )


def skew_of(plan: Plan, chance: Random) -> float:
    """Return the error of a process's clock in seconds."""
    return chance.uniform(-_SKEW, _SKEW) if plan.skewed else 0.0


def _order(chance: Random, number: int) -> Order:
    is_cached = chance.random() < 0.4
    topic = "the same" if is_cached and chance.random() < 0.8 else f"topic {number}"
    seconds = chance.choice((400.0, 2_400.0, HOUR, 2 * HOUR, 5 * HOUR, 24 * HOUR))
    return Order(number, chance.choice(TEAMS), seconds, topic, is_cached)


def _temper(chance: Random) -> Temper:
    is_well = chance.random() < 0.4

    def share(most: float) -> float:
        return 0.0 if is_well or chance.random() < 0.5 else chance.random() * most

    return Temper(
        lasts=chance.choice((20.0, 200.0, 1_000.0, 4_000.0, 1e9)),
        cancelling=chance.choice((30.0, 600.0, 30_000.0)),
        keeps_ids=chance.random() < 0.5,
        fails=share(0.3),
        not_taken=share(0.3),
        refused=share(0.2),
        errored=share(0.5),
        invalid=share(0.2),
        expired=share(0.3),
        unsaid=share(0.3),
        garbled=share(0.2),
        call_errors=share(0.3),
    )
