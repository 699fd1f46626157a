"""Naive ways to run callers' batches lose lines or money, and so does each missing condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from shared.domain.errors import GatewayError, StoreUnavailable
from tests.simulation.caller_batches.mutants import mutations
from tests.simulation.caller_batches.plans import plan_of
from tests.simulation.caller_batches.world import BatchWorld
from tests.simulation.in_parallel import Outcome
from tests.unit.batches import test_life

SEEDS = 48
LIKELY: dict[str, int] = {
    "caller_batch.as_seen": 0,
    "a line that was kept twice stands twice": 21,
    "lines that nobody spoke of are left out": 3,
    "parts stand before they are named": 4,
    "a hold is given back before its lines end": 0,
    "the rest of a hold is kept": 0,
    "a hold's place is not closed": 0,
    "a batch is forgotten with its hold": 4,
}
"""Mutants, and a seed that killed each: it is tried first."""
IN_CONTRACTS = {
    "caller_batch.new": "needs a row sent again after it moved on: contracts/test_caller_batches",
    "end.row_none": "needs a settlement sent again past its retry: contracts/test_batch_ledger",
    "line.hold": "needs a hold that expires before its lines come: contracts/test_batch_ledger",
    "line.expired": "needs the same, and a charge that is used up: contracts/test_batch_ledger",
}
"""Conditions of what chance hardly ever meets here, and where they are met instead."""
IN_SCENES: dict[str, Callable[[], None]] = {
    "a batch is forgotten though it was taken": (
        test_life.test_a_batch_under_way_is_not_forgotten_for_a_lost_answer
    ),
}
"""Mutants that one seed in thousands meets, and the scene that meets each."""


def killer_of(name: str, seeds: Iterable[int]) -> str | None:
    """Return what kills a mutant, or None."""
    with mutations()[name]():
        for seed in seeds:
            try:
                BatchWorld(plan_of(seed)).run()
            except (AssertionError, StoreUnavailable) as error:
                return f"seed {seed}: {str(error)[:90].splitlines()[0]}"
    return None


def kill(names: list[str]) -> Outcome:
    """Try mutants; those that live are what is broken."""
    outcome = Outcome()
    for name in names:
        killer = killer_of(name, [LIKELY[name], *range(SEEDS)])
        outcome.worlds += 1
        if killer is None:
            outcome.broken.append(name)
        else:
            outcome.noticed[f"{name} | {killer}"] += 1
    return outcome


def test_every_mutant_is_known() -> None:
    assert LIKELY.keys() | IN_CONTRACTS.keys() | IN_SCENES.keys() == mutations().keys()


@pytest.mark.parametrize("name", IN_SCENES)
def test_what_chance_hardly_meets_is_killed_by_its_scene(name: str) -> None:
    with mutations()[name](), pytest.raises((AssertionError, GatewayError)):
        IN_SCENES[name]()


@pytest.mark.timeout(900)
def test_every_mutant_is_killed() -> None:
    outcome = kill([*LIKELY])
    print("\n".join(sorted(outcome.noticed)))  # noqa: T201 - the table, for who runs with -s
    assert outcome.worlds == len(LIKELY)
    assert outcome.broken == []
