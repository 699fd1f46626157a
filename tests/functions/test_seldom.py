"""What is named and not yet imported is there when it is asked for."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from functions.router import seldom
from infra.bundle.contents import own_files
from infra.bundle.recipe import ROUTER

ROOT = Path(__file__).parents[2]
TREE = ast.parse(Path(seldom.__file__).read_text(encoding="utf-8"))
LATE = sorted(
    (ast.unparse(node.args[0]), ast.literal_eval(node.args[1]))
    for node in ast.walk(TREE)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "late"
)


def test_every_route_of_the_table_is_looked_at_here() -> None:
    assert len(LATE) == len(seldom.ROUTES) + len(seldom.MESSAGE_ROUTES) + len(["jobs", "openapi"])
    assert len(set(LATE)) == len(LATE)


@pytest.mark.parametrize(("load", "name"), LATE)
def test_a_late_route_is_a_function_that_takes_what_it_is_given(load: str, name: str) -> None:
    module = getattr(seldom, load)()
    serve = getattr(module, name)
    assert inspect.iscoroutinefunction(serve)
    takes = {"openapi": ["_"], "accept_job": ["router", "call"]}
    usual = ["request", "router", "request_id"]
    assert list(inspect.signature(serve).parameters) == takes.get(name, usual)


def test_the_bundle_of_the_router_has_every_module_of_its_package() -> None:
    package = {str(each.relative_to(ROOT)) for each in (ROOT / "functions/router").glob("*.py")}
    assert package <= set(own_files(ROOT, ROUTER))
