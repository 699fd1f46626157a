"""One line per request, which is log and metrics at once, with allow-listed facts only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.adapters.telemetry import PowertoolsMeter
from shared.meters import UNITS, Meter
from tests.contracts.test_store import ENTRY, SETTLEMENT

NOW = 1_795_330_000.5


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def meter_of(service: str) -> PowertoolsMeter:
    """Powertools binds a service's logger to the standard output of its first use."""
    return PowertoolsMeter("dev", lambda: NOW, service=service)


def test_a_request_is_one_line_of_facts_and_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("router").settled(ENTRY, SETTLEMENT, 0.25)
    [emf] = lines(capsys)
    assert (emf["message"], emf["level"], emf["service"]) == ("request", "INFO", "router")
    assert emf["timestamp"] == "2026-11-22T06:46:40.500+00:00"
    assert (emf["cost_nano"], emf["baseline_nano"], emf["saved_nano"]) == (3500, 350000, 346500)
    assert (emf["tokens_prompt"], emf["tokens_output"], emf["milliseconds"]) == (15, 5, 250)
    [metrics] = emf["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Sluice"
    assert metrics["Dimensions"] == [["environment"], ["environment", "tier"]]
    assert (emf["environment"], emf["tier"]) == ("dev", "nano")
    assert emf["_aws"]["Timestamp"] == int(NOW * 1000)
    assert emf["CostNanoUsd"] == [3500] or emf["CostNanoUsd"] == 3500
    assert {m["Name"]: m["Unit"] for m in metrics["Metrics"]}["Latency"] == "Milliseconds"


def test_a_refusal_has_no_second_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("refusing").refused("req_1", "chat", 400, "bad")
    [emf] = lines(capsys)
    assert (emf["message"], emf["status"], emf["code"]) == ("refused", 400, "bad")
    assert emf["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["environment"]]


def test_a_quiet_log_keeps_its_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "WARNING")
    meter_of("quiet").settled(ENTRY, SETTLEMENT, 0.25)
    [emf] = lines(capsys)
    assert emf.keys() & {"message", "request_id", "team", "cost_nano"} == set()
    assert emf["CostNanoUsd"] == [3500]


def test_trouble_with_a_store_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    meter = meter_of("troubled")
    meter.trouble("store", operation="look_up", code="AccessDeniedException")
    log, emf = lines(capsys)
    assert (log["level"], log["code"]) == ("ERROR", "AccessDeniedException")
    assert "StoreErrors" in emf


def test_every_meter_has_a_unit() -> None:
    assert set(UNITS) == set(Meter)
