"""Every condition of the ledger is needed, or is known not to be; so are its ideas."""

from __future__ import annotations

import pytest

from tests.simulation.in_parallel import Outcome, spread
from tests.simulation.killing import SEEDS, attempts, kill
from tests.simulation.mutants import STRUCTURAL, SUPERFLUOUS, mutations
from tests.simulation.scenes import SCENES
from tests.simulation.scenes_of_calls import Play

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_no_scene_breaks_a_rule(scene: Play) -> None:
    scene()


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return spread(kill, mutations().keys() - SUPERFLUOUS.keys())


def test_every_mutant_is_killed(outcome: Outcome) -> None:
    print("\n".join(sorted(outcome.noticed)))  # noqa: T201 - the table, for who runs with -s
    assert outcome.worlds >= 25 + len(STRUCTURAL)
    assert outcome.broken == []


def test_mutants_are_put_through_scenes_faults_and_seeds() -> None:
    assert len(list(attempts())) > len(SCENES) + 400 + SEEDS - 1


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_is_known_to_be_superfluous_still_is() -> None:
    assert sorted(spread(kill, SUPERFLUOUS).broken) == sorted(SUPERFLUOUS)
