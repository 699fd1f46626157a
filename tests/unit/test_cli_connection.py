"""Where commands find a stack, and what they say when they cannot."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cli.main import commands


@pytest.mark.parametrize(
    "command",
    ["budget sweep", "budget audit", "budget show", "keys list", "jobs list", "usage",
     "alarms list", "alarms messages"],
)  # fmt: skip
def test_a_profile_that_is_not_there_is_told_in_a_line(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    result = CliRunner().invoke(commands(), [*command.split(), "--stack", "dev"])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "The config profile (nobody) could not be found" in result.stderr
