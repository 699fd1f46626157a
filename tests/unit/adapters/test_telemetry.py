"""One log line and one merged EMF line per request, with allow-listed facts only."""

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


def test_a_request_is_one_log_line_and_one_emf_line(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("router").settled(ENTRY, SETTLEMENT, 0.25)
    log, emf = lines(capsys)
    assert (log["message"], log["level"], log["service"]) == ("request", "INFO", "router")
    assert (log["cost_nano"], log["baseline_nano"], log["saved_nano"]) == (3500, 350000, 346500)
    assert (log["tokens_prompt"], log["tokens_output"], log["milliseconds"]) == (15, 5, 250)
    [metrics] = emf["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Sluice"
    assert metrics["Dimensions"] == [["environment"], ["environment", "tier"]]
    assert (emf["environment"], emf["tier"]) == ("dev", "nano")
    assert emf["_aws"]["Timestamp"] == int(NOW * 1000)
    assert emf["CostNanoUsd"] == [3500] or emf["CostNanoUsd"] == 3500
    assert {m["Name"]: m["Unit"] for m in metrics["Metrics"]}["Latency"] == "Milliseconds"


def test_a_refusal_has_no_second_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("refusing").refused("req_1", "chat", 400, "bad")
    log, emf = lines(capsys)
    assert (log["message"], log["status"], log["code"]) == ("refused", 400, "bad")
    assert emf["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["environment"]]


def test_trouble_with_a_store_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    meter = meter_of("troubled")
    meter.trouble("store", operation="look_up", code="AccessDeniedException")
    log, emf = lines(capsys)
    assert (log["level"], log["code"]) == ("ERROR", "AccessDeniedException")
    assert "StoreErrors" in emf


def test_every_meter_has_a_unit() -> None:
    assert set(UNITS) == set(Meter)
