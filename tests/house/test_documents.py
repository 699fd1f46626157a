"""What the documents name exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
PATH = re.compile(r"`((?:infra|functions|shared|local|cli|tests|docs|requirements)/[\w./-]*)`")
DRAWN_PATH = re.compile(r"(?<![\w/.])((?:infra|functions|shared|local)/[\w/]+\.py)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(PATH.findall(text)) | set(DRAWN_PATH.findall(text))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_in_a_document_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z][a-z-]*)\b", text)) - {"sure"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_every_command_in_the_readme_is_known() -> None:
    from typer.main import get_command

    from cli.main import commands

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"bin/sluice ([a-z]+)", text))
    known = set(get_command(commands()).commands)  # type: ignore[attr-defined]
    assert named
    assert named <= known


def test_the_readme_names_every_control_and_no_other() -> None:
    from dataclasses import fields

    from shared.domain.controls import Controls

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `x-sluice-([a-z-]+)` / `([a-z_]+)` \|", text, re.MULTILINE)
    served = {each.name for each in fields(Controls)}
    assert {name.replace("-", "_") for name, _ in rows} == {
        re.sub("_(nano|seconds)$", "", name) for name in served
    }


def test_the_page_of_the_local_world_lists_its_differences_and_no_others() -> None:
    from local.differences import DIFFERENCES, PAGE

    _, _, listed = (ROOT / PAGE).read_text(encoding="utf-8").partition("## Differences from AWS")
    parts = [part.partition("\n") for part in listed.split("\n### ")[1:]]
    assert {name: _bullets(text) for name, _, text in parts} == {
        name: [" ".join(each.split()) for each in lines] for name, lines in DIFFERENCES.items()
    }


def _bullets(text: str) -> list[str]:
    return [" ".join(each.split()) for each in text.split("\n- ")[1:]]


def test_no_document_or_source_names_a_place_on_one_machine() -> None:
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    home = str(ROOT.parent) + "/"
    for name in filter(None, listed):
        path = ROOT / name
        if path.is_file() and path.suffix != ".png":
            assert home not in path.read_text(encoding="utf-8"), name
