"""Dependencies are locked by hash, from no particular index."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements/functions.txt", "requirements/dev.txt")


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("--hash=sha256:" in entry for entry in entries)
    return {e.split("==")[0]: e.split("==")[1].split()[0] for e in entries if ";" not in e}


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_locked_by_hash(name: str) -> None:
    assert len(locked(name)) > 10


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text


def test_both_locks_agree() -> None:
    deployed, all_of_them = (locked(name) for name in LOCKS)
    assert {name: all_of_them[name] for name in deployed} == deployed


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    declared = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    names = {re.split(r"[\[<>=]", each)[0] for each in declared}
    assert names - set(locked("requirements/dev.txt")) == set()


def test_what_the_functions_import_is_declared_and_locked_for_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = [file for part in ("shared", "functions") for file in (ROOT / part).rglob("*.py")]
    outside = set().union(*map(imported, files)) - sys.stdlib_module_names - {"shared", "functions"}
    names = {name.replace("_", "-") for name in outside}
    assert "msgspec" in names
    of_batches = set(project["optional-dependencies"]["batches"])
    assert names - of_batches - set(project["dependencies"]) == set()
    assert of_batches & set(locked("requirements/functions.txt")) == set()
    assert names - set(locked("requirements/workers.txt")) <= {"boto3", "starlette", "uvicorn"}
    assert set(project["dependencies"]) - set(locked("requirements/functions.txt")) == set()


def imported(file: Path) -> set[str]:
    """Return the packages that a file imports when it runs; type checkers may see more."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    nodes = list(ast.walk(tree))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    others = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | others}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "core", "manager", "base", "misc"}
    packages = ("infra", "functions", "shared", "local", "cli", "tests")
    modules = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    assert [path for path in modules if path.stem in vague] == []
    assert [path for path in modules if path.parent.name in vague] == []
