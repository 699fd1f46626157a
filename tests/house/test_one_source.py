"""What several places go by is written in one of them."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from starlette.routing import Route

from functions.router import chat as router_chat
from functions.router import messages as router_messages
from functions.router.app import create_app
from infra.alarm_table import LENGTHS
from shared.domain.budgets import PERIODS, Budget
from shared.domain.budgets.budget import Counter
from shared.domain.budgets.scopes import slice_scope
from shared.domain.budgets.seeds import Seed
from shared.domain.doors import DOORS, ENDPOINTS
from shared.meters import GAUGES

ROOT = Path(__file__).parents[2]
RUNS = ("functions", "shared", "infra", "cli", "local")


def sources(words: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """Every file that has all the words as texts."""
    for folder in RUNS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if all(f'"{word}"' in text for word in words):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def strings(node: ast.AST) -> set[object]:
    """The texts that a display holds, such as ``("day", "month")``; a dictionary's keys."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts: list[ast.expr | None] = [*node.elts]
    else:
        parts = node.keys if isinstance(node, ast.Dict) else []
    return {part.value for part in parts if isinstance(part, ast.Constant)}


def who_spells(*words: str) -> set[str]:
    return {
        name
        for name, tree in sources(words)
        for node in ast.walk(tree)
        if strings(node) >= {*words}
    }


def test_the_periods_of_a_budget_are_listed_once() -> None:
    by_period = {"infra/alarm_table.py", "shared/meters.py"}
    assert who_spells(*PERIODS) == {"shared/domain/budgets/budget.py", *by_period}
    assert set(GAUGES) == set(LENGTHS) == set(PERIODS)


def test_a_budget_has_a_counter_of_each_period_and_terms_a_cap() -> None:
    fields = {each.name for each in dataclasses.fields(Budget) if each.type == "Counter"}
    assert fields == set(PERIODS)
    assert set(Seed.__struct_fields__) - {"on_limit"} == {f"{period}_usd" for period in PERIODS}
    counters = {period: Counter(period, 1, 1) for period in PERIODS}
    budget = Budget(slice_scope(0), counters["day"], counters["month"])
    assert dict(budget.counters) == counters
    other = Counter("other", 2, 2)
    for period in PERIODS:
        changed = dict(budget.with_counter(period, other).counters)
        assert changed == {**counters, period: other}


def test_the_doors_whose_calls_may_wait_are_those_that_the_router_opens() -> None:
    opened = {
        door.name: (door.name, door.format, door.parse)
        for door in (router_chat.CHAT, router_messages.MESSAGES)
    }
    assert {name: (d.name, d.format, d.parse) for name, d in DOORS.items()} == opened
    app = create_app(cast("Any", None))
    assert set(ENDPOINTS) <= {each.path for each in app.routes if isinstance(each, Route)}


def test_which_door_has_which_format_is_written_once() -> None:
    on_aws = {name for name in who_spells(*DOORS) if name.startswith(("functions/", "shared/"))}
    names, fields_of_logs = "shared/domain/entries.py", "shared/domain/replay/reading.py"
    assert on_aws == {names, fields_of_logs}
