"""Every server of ours names its event loop and its HTTP parser.

uvicorn takes uvloop and httptools where it finds them, and a test dependency may bring them: what
runs in the tests would then not be what runs on Lambda.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("local", "functions", "tests", "cli", "benchmarks")
STARTS = {"uvicorn.Config", "uvicorn.run"}


def calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS:
            yield node
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A program that a test runs in a process of its own.
            yield from calls(node.value) if "import uvicorn\n" in node.value else ()


def python_files() -> list[Path]:
    return [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]


def test_every_server_in_python_names_its_loop_and_its_parser() -> None:
    found = [call for file in python_files() for call in calls(file.read_text(encoding="utf-8"))]
    assert len(found) >= 3
    for call in found:
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        assert (given.get("loop"), given.get("http")) == ("'asyncio'", "'h11'"), ast.unparse(call)


def test_every_start_script_names_them_too() -> None:
    scripts = [*(ROOT / "functions").rglob("*.sh"), *(ROOT / "tests").rglob("tiny_router.py")]
    commands = [
        command
        for script in scripts
        for command in re.findall(r"-m uvicorn (?:\\\n|.)*", script.read_text(encoding="utf-8"))
    ]
    assert len(commands) == 2
    assert all("--loop asyncio --http h11" in command for command in commands)
