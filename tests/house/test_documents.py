"""What the documents name exists."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *sorted(str(each.relative_to(ROOT)) for each in (ROOT / "docs").rglob("*.md")),
)
FOLDERS = "infra|functions|shared|local|cli|tests|docs|requirements|benchmarks"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)(?:::\w+)?`")
DRAWN_PATH = re.compile(r"(?<![\w/.])((?:infra|functions|shared|local)/[\w/]+\.py)")
BARE_FILE = re.compile(r"`([\w.-]+\.(?:py|md|toml|yaml|json|txt))`")
MODULE = re.compile(rf"`((?:{FOLDERS})(?:\.[a-z_]\w*)+)`")
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
MADE = {"router.cdx.json"}
"""Files that a command makes: no document can be checked against them."""
of_each = pytest.mark.parametrize("document", DOCUMENTS)


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def code(document: str) -> str:
    """What stands in blocks and spans of code: elsewhere "make" is a word like others."""
    return "\n".join(block or span for block, span in CODE.findall(read(document)))


@functools.cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return tuple(filter(None, listed.stdout.split("\0")))


def test_documents_name_paths_targets_and_files() -> None:
    texts = [read(document) for document in DOCUMENTS]
    for pattern, least in ((PATH, 70), (DRAWN_PATH, 5), (BARE_FILE, 10), (MODULE, 5)):
        assert sum(len(pattern.findall(text)) for text in texts) >= least, pattern
    assert sum(len(targets(document)) for document in DOCUMENTS) >= 10


@of_each
def test_every_path_in_a_document_exists(document: str) -> None:
    named = set(PATH.findall(read(document))) | set(DRAWN_PATH.findall(read(document)))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@of_each
def test_every_file_that_is_named_without_its_folder_is_in_one(document: str) -> None:
    names = {Path(each).name for each in tracked()} | MADE
    assert set(BARE_FILE.findall(read(document))) <= names


@of_each
def test_every_module_in_a_document_exists(document: str) -> None:
    for module in MODULE.findall(read(document)):
        place = ROOT.joinpath(*module.split("."))
        assert place.is_dir() or place.with_suffix(".py").is_file(), module


def targets(document: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z][a-z-]*)\b", code(document)))


@of_each
def test_every_make_target_in_a_document_exists(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert targets(document) <= known


@of_each
def test_every_link_leads_to_a_section_that_exists(document: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#([\w-]+)\)", read(document)):
        file = (ROOT / document).parent / target if target else ROOT / document
        headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


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
    home = str(ROOT.parent) + "/"
    for name in tracked():
        path = ROOT / name
        if path.is_file() and path.suffix != ".png":
            assert home not in path.read_text(encoding="utf-8"), name
