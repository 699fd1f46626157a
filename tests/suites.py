"""The suites, in the order in which a parallel run takes them, and what each may take.

A budget is in seconds of one of three processes on two cores, so that all together stay below a
quarter of an hour. Nothing fails that is over its budget, since a busy machine doubles everything;
the end of a parallel run shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

BUDGETS: Final = {
    "infra": 380,
    "system": 1_200,
    "policy": 90,
    "simulation": 280,
    "contracts": 280,
    "functions": 140,
    "unit": 240,
    "house": 60,
    "articles": 10,
}
"""Suites whose tests are long go first, so that no process is left with one at the end."""
ORDER: Final = (*BUDGETS,)


def suite_of(nodeid: str) -> str:
    """Return the suite of a test by its id, ``tests/<suite>/…``."""
    return nodeid.split("/")[1]


def seconds_by_suite(phases: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Add up how long the phases of tests took; takes pairs of a test's id and seconds."""
    spent: dict[str, float] = defaultdict(float)
    for nodeid, seconds in phases:
        spent[suite_of(nodeid)] += seconds
    return spent


def as_table(spent: dict[str, float]) -> Iterator[str]:
    """Yield a line for each suite: its seconds, its budget, and whether it is over it."""
    for suite in ORDER:
        if suite in spent:
            over = "  over" if spent[suite] > BUDGETS[suite] else ""
            yield f"{suite:12}{spent[suite]:7.0f} s of {BUDGETS[suite]:5d}{over}"
