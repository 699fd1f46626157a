"""``sluice alarms``, against AWS as moto plays it in process."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from rich.console import Console
from rich.text import Text

from cli.tables import table_of
from shared.resources import LEDGER_TABLE
from tests.contracts.guards import Guarded, guarded
from tests.contracts.operators import NOON, Bench
from tests.unit.test_cli_budget import Run, aws, bench, sluice

__all__ = ["aws", "bench", "sluice"]

ROW = {
    "Namespace": "Sluice",
    "MetricName": "Unpriced",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


@pytest.fixture
def day(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Guarded:
    found = guarded(bench)
    monkeypatch.setattr(found.notices, "_table", LEDGER_TABLE.name("dev"))
    return found


def put(name: str, state: str, says: str) -> None:
    client = boto3.client("cloudwatch", region_name="us-east-1")
    client.put_metric_alarm(AlarmName=name, AlarmDescription=says, **ROW)  # type: ignore[arg-type]
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="seen")  # type: ignore[arg-type]


def test_alarms_that_are_off_come_first_with_what_to_read(aws: Any, sluice: Run) -> None:
    del aws
    put("sluice-dev-doubt", "OK", "Doubt. What to do: docs/runbook.md#doubt")
    put("sluice-dev-unpriced", "ALARM", "No price. What to do: docs/runbook.md#unpriced")
    put("sluice-prod-latency", "ALARM", "Another stack's. What to do: docs/runbook.md#latency")
    told = json.loads(sluice("alarms", "list", "--json"))
    assert [(each["alarm"], each["state"], each["what_to_do"]) for each in told] == [
        ("sluice-dev-unpriced", "ALARM", "docs/runbook.md#unpriced"),
        ("sluice-dev-doubt", "OK", "docs/runbook.md#doubt"),
    ]
    shown = sluice("alarms", "list")
    assert shown.index("sluice-dev-unpriced") < shown.index("sluice-dev-doubt")


def test_messages_are_shown_with_whom_they_reached(day: Guarded, sluice: Run) -> None:
    day.alarm("ALARM", int(NOON * 1000))
    [told] = json.loads(sluice("alarms", "messages", "--json"))
    assert (told["subject"], told["status"], told["reached"]) == (
        "[sluice dev] Alarm: latency", "sent", ["people"],
    )  # fmt: skip
    assert "Alarm: latency" in sluice("alarms", "messages", "--since", "1h")


def test_where_nobody_was_told_anything_there_is_nothing_to_show(day: Guarded, sluice: Run) -> None:
    del day
    assert json.loads(sluice("alarms", "messages", "--json")) == []


def test_a_table_prints_what_users_wrote_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("[red]reason[/red]", Text("ALARM", "red"))]
    Console(width=60).print(table_of(("reason", "state"), rows))
    shown = capsys.readouterr().out
    assert "[red]reason[/red]" in shown
    assert "ALARM" in shown
