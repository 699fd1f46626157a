"""Naive ways to answer deferred calls lose jobs or money, and so does each missing condition."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from shared.domain.errors import StoreUnavailable
from tests.simulation.deferred.mutants import mutations
from tests.simulation.deferred.plans import plan_of
from tests.simulation.deferred.world import World
from tests.simulation.in_parallel import Outcome

SEEDS = 220
LIKELY: dict[str, int] = {
    "job.new": 86,
    "job.as_seen": 34,
    "batch.as_seen": 1,
    "lane.new": 8,
    "lane.as_seen": 3,
    "a create without an answer is sent again": 33,
    "a create that is not found is sent again at once": 61,
    "a create is written down after it": 10,
    "jobs that never came are not looked for": 3,
    "a hold's place is not closed": 44,
    "a line of a job that is done is not settled": 8,
    "a promoted line loses its hold": 33,
    "a row is written after its job": 39,
    "holds of jobs that came to rest are kept": 11,
    "what a provider is silent of is left": 0,
}
"""Mutants, and a seed that killed each: it is tried first."""
IN_UNIT_TESTS = {
    "an id is not barred": "needs a job that arrives after it was given up: test_recovery",
    "a hold is given back before the move": "needs two collectors in one second: test_recovery",
}
"""Mutants that chance hardly ever meets, and where they are met instead."""


def killer_of(name: str, seeds: Iterable[int]) -> str | None:
    """Return what kills a mutant, or None."""
    with mutations()[name]():
        for seed in seeds:
            try:
                World(plan_of(seed)).run()
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
    assert LIKELY.keys() | IN_UNIT_TESTS.keys() == mutations().keys()


@pytest.mark.timeout(900)
def test_every_mutant_is_killed() -> None:
    outcome = kill([*LIKELY])
    print("\n".join(sorted(outcome.noticed)))  # noqa: T201 - the table, for who runs with -s
    assert outcome.worlds == len(LIKELY)
    assert outcome.broken == []
