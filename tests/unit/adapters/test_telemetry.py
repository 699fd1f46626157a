"""One line per request, which is log and metrics at once, with allow-listed facts only."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.guard_telemetry import PowertoolsGuardMeter
from shared.adapters.telemetry import PowertoolsMeter
from shared.domain.budgets import Budget, Counter
from shared.domain.budgets.scopes import slice_scope
from shared.domain.errors import BudgetExceeded, UnpricedModel
from shared.meters import COUNTED, ENVIRONMENT, METRICS, Meter
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
    directives = emf["_aws"]["CloudWatchMetrics"]
    assert {each["Namespace"] for each in directives} == {"Sluice"}
    assert told(emf) == {
        name: [list(each) for each in METRICS[name].sets]
        for name in (
            Meter.REQUESTS, Meter.CACHE_HITS, Meter.CACHE_MISSES, Meter.CACHE_BYPASSES, Meter.COST,
            Meter.BASELINE, Meter.SAVED, Meter.PROVIDER_CALLS, Meter.LATENCY,
        )
    }  # fmt: skip
    assert (emf["environment"], emf["tier"]) == ("dev", "nano")
    assert emf["_aws"]["Timestamp"] == int(NOW * 1000)
    assert emf["CostNanoUsd"] == [3500] or emf["CostNanoUsd"] == 3500
    units = {m["Name"]: m["Unit"] for each in directives for m in each["Metrics"]}
    assert units["Latency"] == "Milliseconds"


def told(emf: dict[str, Any]) -> dict[str, list[list[str]]]:
    """The dimension sets of each metric in a line."""
    return {
        metric["Name"]: directive["Dimensions"]
        for directive in emf["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_cost_by_what_was_held_is_told_in_thousandths_and_never_rounded_below_an_excess(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = meter_of("held")
    for held in (3500, 3499, 7000, 1_000_000_000):
        meter.settled(ENTRY, SETTLEMENT, 0.25, held)
    assert [emf["ActualOfReservedPermille"] for emf in lines(capsys)] == [
        [1000],
        [1001],
        [500],
        [1],
    ]


def test_a_failure_is_told_of_its_provider(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("failing").settled(ENTRY, replace(SETTLEMENT, outcome="failed"), 0.25)
    [emf] = lines(capsys)
    assert told(emf)["Failures"] == [["environment"], ["environment", "provider"]]
    assert emf["provider"] == ENTRY.provider


def test_a_hit_is_no_call_of_a_provider(capsys: pytest.CaptureFixture[str]) -> None:
    meter_of("hitting").settled(replace(ENTRY, cache="hit"), SETTLEMENT, 0.25)
    [emf] = lines(capsys)
    assert emf["CacheHits"] == [1]
    assert not {"ProviderCalls", "Failures"} & emf.keys()


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        ("budget_exceeded", {"BudgetRefusals"}),
        ("budget_frozen", {"BudgetRefusals"}),
        ("call_too_dear", set()),
        ("model_unpriced", {"Unpriced"}),
    ],
)
def test_refusals_that_alarms_watch_are_counted_apart(
    code: str, counted: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    meter_of("refusing").refused("req_1", "chat", 402, code)
    [emf] = lines(capsys)
    assert {"BudgetRefusals", "Unpriced"} & emf.keys() == counted


def test_what_is_almost_always_nothing_is_told_only_where_it_is_something(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = meter_of("sparse")
    meter.measured({Meter.UNDELIVERED: 0})
    assert lines(capsys) == []
    meter.measured({Meter.UNDELIVERED: 2, Meter.AUDIT_FINDINGS: 0})
    [emf] = lines(capsys)
    assert (emf["UndeliveredMessages"], emf["AuditFindings"]) == ([2], [0])


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


def test_a_charge_in_full_is_cost_in_doubt_and_taken_back_below_zero(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = meter_of("charging")
    meter.charged(900)
    meter.charged(-900)
    assert [(emf["CostNanoUsd"], emf["DoubtNanoUsd"]) for emf in lines(capsys)] == [
        ([900], [900]),
        ([-900], [-900]),
    ]


def test_trouble_with_a_store_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    meter = meter_of("troubled")
    meter.trouble("store", operation="look_up", code="AccessDeniedException")
    log, emf = lines(capsys)
    assert (log["level"], log["code"]) == ("ERROR", "AccessDeniedException")
    assert "StoreErrors" in emf


def test_a_crash_is_counted_and_other_troubles_are_logged_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = meter_of("crashing")
    meter.trouble("crash", error="KeyError", where="app.py:1")
    meter.trouble("usage", request_id="req_1", reason="no prompt tokens")
    crashed, emf, other = lines(capsys)
    assert (crashed["message"], other["message"]) == ("crash", "usage")
    assert emf["Crashes"] == [1]


def test_every_metric_is_described_and_has_at_most_one_dimension_beside_the_environment() -> None:
    assert set(METRICS) == set(Meter)
    for metric in METRICS.values():
        assert metric.says
        assert all(each[0] == ENVIRONMENT and len(each) <= 2 for each in metric.sets)
        assert metric.sets[0] == (ENVIRONMENT,)


def test_every_metric_is_emitted_with_all_its_dimension_sets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = PowertoolsMeter("dev", lambda: NOW, service="router")
    in_doubt = replace(SETTLEMENT, outcome="failed", usage_source="estimated")
    meter.settled(ENTRY, in_doubt, 0.25, held_nano=4000)
    meter.charged(900)
    for code in (BudgetExceeded.code, UnpricedModel.code):
        meter.refused("req_1", "chat", 402, code)
    for what in COUNTED:
        meter.trouble(what)
    guard = PowertoolsGuardMeter("dev", lambda: NOW, service="emitting-guard")
    day, month = (Counter(label, 100, avail=90, spent=10) for label in ("2026-11-22", "2026-11"))
    guard.budget(Budget(slice_scope(0), day, month))
    guard.audited(0, price_age_days=0)
    guard.gap(0)
    guard.audit_overdue(1)
    guard.undelivered(1)
    emitted: dict[str, set[tuple[str, ...]]] = {}
    for line in lines(capsys):
        for name, sets in told(line).items() if "_aws" in line else ():
            emitted.setdefault(name, set()).update(map(tuple, sets))
    assert emitted == {name: set(metric.sets) for name, metric in METRICS.items()}
