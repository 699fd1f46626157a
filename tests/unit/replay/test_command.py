"""``sluice replay`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import commands
from tests.unit.replay.logs import line

DAY = ("--day", "2026-11-22")


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(commands(), ["replay", *map(str, arguments)])


def log(tmp_path: Path, *rows: Any) -> Path:
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def as_json(*arguments: str | Path) -> Any:
    return json.loads(run(*arguments, "--json", *DAY).stdout)


def test_the_bill_without_and_with_is_printed_and_the_page_written(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    found = run(log(tmp_path, line(), line(after=1)), "--html", page, *DAY)
    assert found.exit_code == 0
    # 2 x (1,000 x $10/M + 100 x $50/M); one routed to nano, one from the cache
    assert "99.5 % less: $0.03 without Sluice, $0.00015 with it, for 2 calls" in found.stdout
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_json_holds_exact_amounts_and_parts_that_add_up(tmp_path: Path) -> None:
    told = as_json(log(tmp_path, line(), line(after=1), "oops"))
    assert told["bill"]["without_usd"] == "0.03"
    assert told["bill"]["with_usd"] == "0.00015"
    assert {each["lever"]: each["together_saved_usd"] for each in told["levers"]} == {
        "exact_cache": "0.015",
        "routing": "0.01485",
        "prompt_cache": "0",
        "batch": "0",
    }
    assert told["lines"] == {"read": 3, "replayed": 2, "bad": 1, "failed": 0, "unpriced": 0}
    assert told["bad_lines"] == [{"line": 3, "why": "not a JSON object"}]


def test_the_assumptions_are_printed(tmp_path: Path) -> None:
    untold = {"prompt": "What is a weir?"}
    found = run(log(tmp_path, untold), "--output-tokens", "70", "--ttl", "90", *DAY).stdout
    for part in (
        "1 calls have no usage",
        "70 output tokens each",
        "1 calls have no time",
        "would have gone to gpt-6-astra",
        "per tenant, 90 seconds",
        "do not add up",
    ):
        assert part in found, part


def test_a_named_task_may_be_batched_or_all_of_them(tmp_path: Path) -> None:
    file = log(tmp_path, line(task="nightly"), line("Who?", task="chat"))

    def alone(*options: str) -> str:
        levers = as_json(file, *options)["levers"]
        saved = {each["lever"]: each["alone_saved_usd"] for each in levers}
        return str(saved["batch"])

    assert alone() == "0"
    assert alone("--batch", "nightly") == "0.0075"
    assert alone("--batch", "all") == "0.015"


def test_callers_may_be_parted_by_any_field(tmp_path: Path) -> None:
    file = log(tmp_path, line(user="a"), line(user="b", after=1))
    assert as_json(file)["bill"]["hits"] == 1
    assert as_json(file, "--tenant-field", "user")["bill"]["hits"] == 0


def test_a_log_without_a_single_call_is_a_failure(tmp_path: Path) -> None:
    assert run(log(tmp_path, "oops"), *DAY).exit_code == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--baseline-model", "gpt-1"], "gpt-1"),
        (["--provider", "nobody"], "nobody"),
        (["--price-as", "gpt-4"], "NAME=MODEL"),
        (["--price-as", "gpt-4=gpt-1"], "gpt-1"),
    ],
)
def test_a_wrong_wish_is_refused_by_name(tmp_path: Path, options: list[str], told: str) -> None:
    found = run(log(tmp_path, line()), *options)
    assert found.exit_code == 2
    assert told in found.output


def test_a_log_that_is_not_there_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path / "none.jsonl")
    assert found.exit_code == 2
