"""Every command that people are told to type exists, with its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from typer.main import get_command

from cli.main import commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/runbook.md", "docs/alarms.md")
MADE_BY_THE_AWS_CLI = {("logs", "tail")}
OPTIONS_OF_THE_AWS_CLI = {"query", "cli-binary-format"}


def named(program: str) -> list[tuple[str, str]]:
    """Every use of a program in the documents, in code spans and in blocks."""
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        spans = re.findall(
            r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        )
        lines = [line for block in blocks for line in block.splitlines()]
        found += [(document, each) for each in (*spans, *lines) if each.startswith(program + " ")]
    return found


def told() -> list[tuple[str, str]]:
    """Every command in what the guard tells people."""
    from tests.unit.domain.test_notices import an_alarm, filled

    texts = [filled(used=80).text, an_alarm().text]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [("a message", line) for line in lines if line.startswith("sluice ")]


def words_of(line: str) -> list[str]:
    return shlex.split(line.partition("  #")[0], comments=True)


def check(command: Any, words: list[str]) -> None:
    """Raise what the command line would say of the words, without running anything."""
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context("sluice", words)


@pytest.mark.parametrize(("where", "line"), named("sluice"))
def test_every_command_of_ours_in_the_documents_is_one(where: str, line: str) -> None:
    check(get_command(commands()), words_of(line)[1:])


def test_every_command_in_a_message_is_one() -> None:
    found = told()
    assert len(found) >= 5
    for _, line in found:
        check(get_command(commands()), words_of(line)[1:])


@pytest.mark.parametrize(("where", "line"), named("aws"))
def test_every_command_of_aws_in_the_documents_is_one(where: str, line: str) -> None:
    words = re.sub(r"\$\([^)]*\)", "x", line).split()
    service, operation = words[1], words[2]
    if (service, operation) in MADE_BY_THE_AWS_CLI:
        return
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, where
    shape = model.operation_model(operations[operation]).input_shape
    members = shape.members if shape is not None else {}
    known = {xform_name(each, "-") for each in members} | OPTIONS_OF_THE_AWS_CLI
    options = set(re.findall(r"(?<=\s)--([a-z-]+)", line))
    assert options <= known, where


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_section_that_exists(document: str) -> None:
    from tests.infra.test_alarms import anchors

    text = (ROOT / document).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
        file = ROOT / "docs" / target if target else ROOT / document
        assert anchor in anchors(file.read_text(encoding="utf-8")), f"{target}#{anchor}"
    for target in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (ROOT / "docs" / target).exists(), target
