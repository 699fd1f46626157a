"""The command line against the running stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
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


def test_a_cap_stops_a_team_and_a_raise_serves_it_again(sluice: Any, stack: Stack) -> None:
    made = json.loads(sluice("keys", "create", "capped-team", "--json"))
    client = stack.client(made["key"])
    asked: Any = [{"role": "user", "content": "[echo once more]"}]

    def ask() -> str | None:
        answer = client.chat.completions.create(
            model="nano", messages=asked, max_tokens=20, extra_headers={"x-sluice-cache": "bypass"}
        )
        return answer.choices[0].message.content

    told = json.loads(sluice("budget", "set", "team:capped-team", "--day", "0.000001", "--json"))
    assert told["after"]["day"]["cap_usd"] == "0.000001"
    with pytest.raises(openai.APIStatusError) as refused:
        ask()
    assert refused.value.status_code == 402
    raised = ("--by", "1", "--for", "1h", "--reason", "a launch")
    sluice("budget", "raise", "team:capped-team", *raised)
    assert ask() == "once more"
    [shown] = json.loads(sluice("budget", "show", "team:capped-team", "--json"))
    assert shown["day"]["raised_usd"] == "1"
    assert float(shown["day"]["spent_usd"]) > 0
    key = f"key:{made['key_id']}"
    sluice("budget", "freeze", key, "--reason", "a leak")
    with pytest.raises(openai.APIStatusError, match="a leak"):
        ask()
    sluice("budget", "unfreeze", key)
    assert ask() == "once more"
    rows = json.loads(sluice("budget", "log", "--json"))
    mine = [row["what"] for row in rows if row["budget"] in {key, "team:capped-team"}]
    assert mine == ["set", "raise", "freeze", "unfreeze"]
    assert {row["who"].split(":")[0] for row in rows} == {"arn"}


def test_the_books_of_the_running_stack_add_up(sluice: Any, stack: Stack) -> None:
    stack.client(stack.world.api_key).chat.completions.create(
        model="nano", messages=[{"role": "user", "content": "[echo counted]"}]
    )
    assert "expired holds" in sluice("budget", "sweep")
    audited = json.loads(sluice("budget", "audit", "--json"))
    assert audited["budgets"] >= 3
    assert audited["findings"] == []
    names = [each["budget"] for each in json.loads(sluice("budget", "show", "--json"))]
    assert names[0] == "environment"
    assert "team:demo" in names
