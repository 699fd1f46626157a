"""Embedded metric format: what a log line says as metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.emf import Datum, EmfError, data_of

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def emf(**changes: Any) -> str:
    """Return an EMF line with one metric under two dimension sets."""
    directive = {
        "Namespace": "Sluice",
        "Dimensions": [["environment"], ["environment", "model"]],
        "Metrics": [{"Name": "CostNano", "Unit": "None"}],
    }
    line = {
        "_aws": {"Timestamp": int(MOMENT.timestamp() * 1000), "CloudWatchMetrics": [directive]},
        "environment": "dev",
        "model": "gpt-6-luna",
        "CostNano": 24_375,
    }
    return json.dumps({**line, **changes})


def test_each_dimension_set_is_a_metric_of_its_own() -> None:
    whole = (("environment", "dev"),)
    assert data_of(emf()) == [
        Datum("Sluice", "CostNano", whole, "None", 24_375.0, MOMENT),
        Datum("Sluice", "CostNano", (*whole, ("model", "gpt-6-luna")), "None", 24_375.0, MOMENT),
    ]


def test_a_list_of_values_counts_each() -> None:
    assert [datum.value for datum in data_of(emf(CostNano=[1, 2.5]))] == [1, 2.5, 1, 2.5]


@pytest.mark.parametrize("line", ["", "plain", '{"a": 1}', '"_aws"', '["_aws"]'])
def test_other_lines_are_not_metrics(line: str) -> None:
    assert data_of(line) == []


@pytest.mark.parametrize(
    "line",
    [
        emf()[:-1],
        emf(_aws={}),
        emf(_aws={"Timestamp": "now", "CloudWatchMetrics": [{}]}),
        emf(CostNano="24375"),
        emf(CostNano=True),
        emf(CostNano=[1] * 101),
        emf(environment=7),
    ],
    ids=["cut", "empty", "time", "text", "boolean", "too-many", "dimension"],
)
def test_unusable_emf_is_an_error_and_never_silence(line: str) -> None:
    with pytest.raises(EmfError):
        data_of(line)
