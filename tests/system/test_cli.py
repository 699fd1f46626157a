"""The command line against the running stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import connection
from cli.ask_report import summary
from cli.main import commands
from tests.system.conftest import Stack


@pytest.fixture
def sluice(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(connection, "LOCAL_FACTS", stack.world.ground.state.facts)

    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(commands(), words)
        assert result.exit_code == status, result.output
        return result.stdout

    return run


def test_ask_prints_the_answer_and_json_its_facts(sluice: Any) -> None:
    assert sluice("ask", "[echo clear water]").strip() == "clear water"
    told = json.loads(sluice("ask", "[echo clear water]", "--json"))
    assert told["answer"] == "clear water"
    assert told["notes"]["cache"] == "hit"


def test_ask_takes_a_file_with_one_question_or_many(sluice: Any, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("[echo from a file]")
    assert sluice("ask", "--file", str(tmp_path / "one.txt")).strip() == "from a file"
    lines = [json.dumps({"prompt": f"Question {n}\u2028?"}, ensure_ascii=False) for n in (1, 2, 1)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = json.loads(
        sluice("ask", "--file", str(tmp_path / "many.jsonl"), "--parallel", "1", "--json")
    )
    assert (report["requests"], report["errors"], report["hits"]) == (3, 0, 1)
    assert "tier" in sluice("ask", "--file", str(tmp_path / "many.jsonl"))


def test_ask_names_what_is_wrong(sluice: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"prompt": "a"}\n{"question": "b"}\n')
    sluice("ask", "--file", str(tmp_path / "bad.jsonl"), status=2)
    sluice("ask", "hi", "--model", "gpt-2", status=1)
    sluice("ask", status=2)


def test_keys_are_created_listed_and_revoked(sluice: Any, stack: Stack) -> None:
    made = json.loads(sluice("keys", "create", "cli-team", "--name", "n", "--json"))
    assert stack.client(made["key"]).models.list().data
    listed = json.loads(sluice("keys", "list", "--team", "cli-team", "--json"))
    assert [row["key_id"] for row in listed] == [made["key_id"]]
    assert made["key"] not in json.dumps(listed)
    assert "cli-team" in sluice("keys", "list")
    revoked = json.loads(sluice("keys", "revoke", made["key_id"], "--json"))
    assert revoked["revoked_at"]
    sluice("keys", "revoke", "cli-team.unknown", status=1)
    sluice("keys", "create", "Bad Team", status=1)


def test_a_summary_adds_up_exactly() -> None:
    notes = {
        "tier": "nano",
        "cost_usd": "0.000000001",
        "baseline_usd": "0.1",
        "saved_usd": "0.099999999",
    }
    report = summary([({**notes, "cache": "hit"}, None)] * 3 + [({}, "boom")])
    assert report["cost_usd"] == "0.000000003"
    assert report["tiers"]["nano"]["baseline_usd"] == "0.3"
    assert (report["hits"], report["errors"], report["error_texts"]) == (3, 1, {"boom": 1})
