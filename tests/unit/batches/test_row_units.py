"""What holds and usage rows cost to write: the pace and the estimate of our own cost go by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from shared.adapters.dynamodb.budget_rows import hold_item
from shared.adapters.dynamodb.rows import number, usage_item
from shared.adapters.memory_batch_ledger import MemoryBatchLedger
from shared.catalog.aws_prices import load_own_cost
from shared.domain.budgets import Hold
from shared.domain.budgets.lines import MOST_LINES, SettledLine
from shared.usecases.batches.pace import LINES_A_SECOND, UNITS_A_ROW
from tests.simulation.metered import size_of
from tests.unit.batches.world import HAIKU, World, chat, line

_KB: Final = 1024
_PARTITION_UNITS: Final = 1_000
"""A second. Source: Developer Guide, "Best practices for designing … partition keys"."""
_BUDGETS: Final = 3 * 2
"""A key's, a team's and a slice of the environment's, each below a kilobyte."""
_ANSWER: Final = 3
"""Of up to three kilobytes, outside any transaction."""


class Sizes:
    """Bytes of what a ledger on DynamoDB would put."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.holds: list[int] = []

    def see(self, hold: Hold, line: SettledLine) -> None:
        item = usage_item(line.entry, line.settlement, hold.day)
        self.rows.append(size_of(item | {"held_nano": number(line.held)}))
        self.holds.append(size_of(hold_item(replace(hold, entry=line.entry))))


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Sizes:
    """Those of a batch whose lines have all that a caller may tag them with."""
    sizes, settle_lines = Sizes(), MemoryBatchLedger.settle_lines

    def seen(ledger: Any, hold: Hold, lines: Sequence[SettledLine], *more: Any) -> Any:
        for each in lines:
            sizes.see(hold, each)
        return settle_lines(ledger, hold, lines, *more)

    monkeypatch.setattr(MemoryBatchLedger, "settle_lines", seen)
    world, tags = World(), {"feature": "f" * 64, "task": "t" * 64}
    models = ["gpt-6-luna", HAIKU, "auto", "nano"]
    world.create(*(line(f"l{n}", chat(f"{n}", model=m, sluice=tags)) for n, m in enumerate(models)))
    world.pass_time(1_200)
    assert len(sizes.rows) == len(models)
    return sizes


def units(size: int) -> int:
    """Return the write units of an item in a transaction: each kilobyte twice."""
    return 2 * -(-size // _KB)


def test_a_row_takes_as_many_units_as_the_pace_says_and_leaves_room_for_calls(sizes: Sizes) -> None:
    assert {units(size) for size in sizes.rows} == {UNITS_A_ROW}
    assert UNITS_A_ROW * LINES_A_SECOND <= 0.6 * _PARTITION_UNITS


def test_the_estimate_of_our_own_cost_counts_what_holds_and_rows_take(sizes: Sizes) -> None:
    [row], [hold] = ({units(size) for size in each} for each in (sizes.rows, sizes.holds))
    works = load_own_cost(date(2026, 11, 22)).works
    settled = hold + _BUDGETS + hold + row + _BUDGETS
    assert works["uncached"].write_units == settled
    assert works["miss"].write_units == settled + _ANSWER
    shared = -(-(hold + _BUDGETS) // MOST_LINES)
    assert works["batch_line"].write_units == row + _ANSWER + shared
