"""What the decision for holds says of costs is what the meter shows."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulation.costs import figures

RECORD = Path(__file__).parents[2] / "docs" / "decisions" / "0001-holds.md"
ROW = re.compile(r"^\| (holds|lease map) \| (\d+) \| (\d+) \| (\d+) \|", re.MULTILINE)


def test_the_write_units_in_the_record_are_those_measured() -> None:
    rows = ROW.findall(RECORD.read_text(encoding="utf-8"))
    told = {name: [100 * int(cell) for cell in cells] for name, *cells in rows}
    measured = {name: [cost.write_units for cost in costs] for name, costs in figures().items()}
    assert told == measured


def test_a_hold_costs_the_same_however_many_are_in_flight() -> None:
    one, ten, many = figures()["holds"]
    assert one == ten == many
