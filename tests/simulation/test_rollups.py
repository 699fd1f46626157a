"""Usage is what the rows say, while calls are settled, expire, thaw after hours and crash."""

from __future__ import annotations

from contextlib import AbstractContextManager
from unittest.mock import patch

import pytest

from shared.domain.budgets.movements import Ending
from shared.usecases import usage_reader
from shared.usecases.holding import Holding
from tests.simulation.in_parallel import Outcome, spread
from tests.simulation.reporting import ReportingWorld, reporting_plan

pytestmark = pytest.mark.timeout(900)

SEEDS = 12
LONG_SEEDS = 1_000
MUTANT_SEEDS = (1, 10, *range(20))
"""Those first that catch a mutant now."""


def run_seeds(seeds: list[int]) -> Outcome:
    outcome = Outcome()
    for seed in seeds:
        world = ReportingWorld(reporting_plan(seed))
        try:
            world.run()
        except AssertionError as error:
            outcome.broken.append(str(error))
        outcome.worlds += 1
        outcome.noticed += world.trace.noticed
    return outcome


def test_after_any_crash_the_sums_are_those_of_the_rows() -> None:
    outcome = spread(run_seeds, range(SEEDS))
    assert outcome.worlds == SEEDS
    assert outcome.broken[:1] == []
    stages = {"settle", "expire", "settle_late", "CRASH_BEFORE", "CRASH_AFTER"}
    assert stages <= outcome.noticed.keys()


def _leave(*_: object) -> None:
    """Nothing is opened again."""


_reopen = Holding._reopen_rollups


def _reopen_unless_plain(self: Holding, hold: object, ending: Ending) -> None:
    if ending.name != "settle":
        _reopen(self, hold, ending)  # type: ignore[arg-type]


MUTANTS: dict[str, AbstractContextManager[object]] = {
    "a late row opens nothing": patch.object(Holding, "_reopen_rollups", _leave),
    "a call that thaws opens nothing": patch.object(
        Holding, "_reopen_rollups", _reopen_unless_plain
    ),
    "an hour is closed as it ends": patch.object(usage_reader, "SETTLING_SECONDS", 0),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_sums_that_miss_a_late_row_are_caught(mutant: str) -> None:
    with MUTANTS[mutant]:
        assert any(run_seeds([seed]).broken for seed in MUTANT_SEEDS)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_thousand_seeds_add_up() -> None:
    outcome = spread(run_seeds, range(LONG_SEEDS))
    assert outcome.worlds == LONG_SEEDS
    assert outcome.broken[:1] == []
