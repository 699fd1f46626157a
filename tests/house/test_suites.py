"""The suites' budgets cover every suite, and a quarter of an hour."""

from __future__ import annotations

import re

from local.ground import CHECKOUT
from tests.suites import BUDGETS, as_table, seconds_by_suite

QUARTER = 15 * 60


def test_every_suite_has_a_budget_and_all_together_a_quarter_of_an_hour() -> None:
    tests = CHECKOUT / "tests"
    suites = {path.relative_to(tests).parts[0] for path in tests.glob("*/**/test_*.py")}
    assert suites == BUDGETS.keys()
    [jobs] = re.findall(r"^JOBS +\?= (\d+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert sum(BUDGETS.values()) <= int(jobs) * QUARTER


def test_a_suite_over_its_budget_is_shown_as_such() -> None:
    phases = [("tests/house/test_a.py::test", BUDGETS["house"]), ("tests/unit/x/test_b.py::t", 1.0)]
    phases.append(("tests/house/test_c.py::test", 0.6))
    unit, house = as_table(seconds_by_suite(phases))
    assert (unit.split()[0], unit.endswith("over")) == ("unit", False)
    assert (house.split()[0], house.endswith("over")) == ("house", True)
