"""The commands in the documents are ones that this version understands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import commands
from infra.settings import StackSettings
from shared.catalog import served_providers
from shared.resources import LEDGER_TABLE, secret_name

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in DOCUMENTS}
EVERYTHING = "\n".join(TEXTS.values())

SLUICE = re.compile(r"(?:^|`|\bbin/)sluice ([^`#|)\n]+)", re.MULTILINE)


def lines() -> list[str]:
    return [line.strip() for text in TEXTS.values() for line in SLUICE.findall(text)]


@pytest.mark.parametrize("line", sorted(set(lines())))
def test_a_sluice_command_and_its_options_exist(line: str) -> None:
    # Typer carries its own copy of click, whose groups are the commands with commands.
    command: Any = get_command(commands())
    for word in line.split():
        if not hasattr(command, "commands"):
            break
        assert word in command.commands, line
        command = command.commands[word]
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= known, line


def test_every_setting_of_a_stack_that_is_named_exists() -> None:
    named = set(re.findall(r"\bsluice:([a-z_]+)", EVERYTHING))
    assert named
    assert named <= set(StackSettings.__struct_fields__)


def test_every_stack_output_that_is_named_is_exported() -> None:
    program = (ROOT / "infra" / "__main__.py").read_text(encoding="utf-8")
    exported = set(re.findall(r'pulumi\.export\("(\w+)"', program))
    assert exported
    assert set(re.findall(r"pulumi stack output (\w+)", EVERYTHING)) <= exported


def test_every_physical_name_is_one_that_the_program_gives() -> None:
    secrets = set(re.findall(r"sluice/\w+/providers/\w+", EVERYTHING))
    given = {
        secret_name(environment, provider)
        for environment in ("dev", "staging", "prod")
        for provider in served_providers()
    }
    assert {secret_name("dev", each) for each in ("openai", "anthropic")} <= secrets <= given
    tables = set(re.findall(r"--table-name (\S+?)`", EVERYTHING))
    assert tables <= {LEDGER_TABLE.name("prod")}


def test_every_link_between_documents_leads_somewhere() -> None:
    for file in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8")):
            found = (ROOT / target, file.parent / target)
            assert any(path.exists() for path in found), f"{file.name}: {target}"
