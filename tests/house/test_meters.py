"""What is told is declared, and what is declared is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from shared.meters import COUNTED, Meter, Trouble
from shared.ports.calls import Meter as CallMeter
from shared.ports.notices import GuardMeter

ROOT = Path(__file__).parents[2]
TELLERS = ("functions", "shared/usecases", "shared/wiring")
"""Where a meter is told something: adapters only pass it on."""


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a meter's method in what runs on AWS, and of what wraps one."""
    for folder in TELLERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    whose = ast.unparse(node.func.value)
                    if whose.endswith("meter") or node.func.attr == "_trouble":
                        yield node.func.attr, node


@pytest.fixture(scope="module")
def told() -> list[tuple[str, ast.Call]]:
    return list(calls())


def test_every_trouble_is_told_by_someone_and_no_other(told: list[tuple[str, ast.Call]]) -> None:
    texts = {
        each.value
        for name, call in told
        if name in {"trouble", "_trouble"}
        for each in ast.walk(call.args[0])
        if isinstance(each, ast.Constant)
    }
    assert texts == set(get_args(Trouble))
    assert set(COUNTED) <= texts


@pytest.mark.parametrize("port", [CallMeter, GuardMeter])
def test_every_method_of_a_meter_is_called(port: type, told: list[tuple[str, ast.Call]]) -> None:
    """And each emits its metrics, so no alarm waits for what nobody says."""
    methods = {name for name in vars(port) if not name.startswith("_")}
    assert len(methods) >= 4
    assert methods <= {name for name, _ in told}


def test_what_a_log_is_searched_for_is_what_is_told() -> None:
    documents = (ROOT / "docs").rglob("*.md")
    text = "\n".join(each.read_text(encoding="utf-8") for each in documents)
    messages = set(re.findall(r'\$\.message = "(\w+)"', text))
    assert messages
    assert messages <= {*get_args(Trouble), "request", "refused"}
    assert set(re.findall(r"\$\.([A-Z]\w+)", text)) <= set(Meter)
