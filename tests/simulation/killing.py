"""Looks for what kills a mutant: a scene, a seed, or a single fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from shared.domain.errors import StoreUnavailable
from tests.simulation.in_parallel import Outcome
from tests.simulation.mutants import mutations
from tests.simulation.plans import plan_of
from tests.simulation.scenes import SCENES
from tests.simulation.single_faults import every_point, run_points
from tests.simulation.world import World

SEEDS = 300
_FIRST_SEEDS = 60
Attempt = tuple[str, Callable[[], None]]


def attempts() -> Iterator[Attempt]:
    """Yield everything that a mutant is put through, the quick ones first."""
    for name, scene in SCENES.items():
        yield f"scene: {name}", scene
    for seed in range(_FIRST_SEEDS):
        yield f"seed {seed}", partial(_run_seed, seed)
    for point in every_point():
        yield f"fault {point}", partial(_run_point, point)
    for seed in range(_FIRST_SEEDS, SEEDS):
        yield f"seed {seed}", partial(_run_seed, seed)


def killer_of(name: str) -> str | None:
    """Return what kills a mutant and by which rule, or None."""
    every = list(attempts())
    with mutations()[name]():
        for what, run in every:
            try:
                run()
            except (AssertionError, StoreUnavailable) as error:
                return f"{what}: {str(error)[:90].splitlines()[0]}"
    return None


def kill(names: list[str]) -> Outcome:
    """Try mutants; those that live are what is broken."""
    outcome = Outcome()
    for name in names:
        killer = killer_of(name)
        outcome.worlds += 1
        if killer is None:
            outcome.broken.append(name)
        else:
            outcome.noticed[f"{name} | {killer}"] += 1
    return outcome


def _run_seed(seed: int) -> None:
    World(plan_of(seed)).run()


def _run_point(point: tuple[int, str, bool]) -> None:
    broken = run_points([point]).broken
    assert not broken, broken[0]
