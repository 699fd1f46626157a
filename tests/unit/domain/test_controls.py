"""Controls are honoured or refused by name, wherever they stand."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.controls import CacheMode, Controls, read_controls
from shared.domain.errors import InvalidRequest


def test_headers_and_body_say_the_same_things() -> None:
    in_headers = read_controls(
        {"x-sluice-task": "qa", "x-sluice-feature": "search", "x-sluice-cache": "ttl=60"}, None
    )
    in_body = read_controls({}, {"task": "qa", "feature": "search", "cache": "ttl=60"})
    assert in_headers == in_body == Controls("qa", "search", CacheMode("ttl", 60))


def test_nothing_said_means_the_defaults() -> None:
    assert read_controls({"accept": "*/*"}, None) == Controls()


def test_the_same_control_twice_with_one_value_is_fine() -> None:
    assert read_controls({"x-sluice-task": "qa"}, {"task": "qa"}).task == "qa"


@pytest.mark.parametrize(
    ("headers", "body", "param"),
    [
        ({"x-sluice-task": "qa"}, {"task": "math"}, "x-sluice-task"),
        ({"x-sluice-nonsense": "1"}, None, "x-sluice-nonsense"),
        ({}, {"nonsense": 1}, "sluice.nonsense"),
        ({}, "auto", "sluice"),
        ({}, {"task": 7}, "sluice.task"),
        ({"x-sluice-task": "UPPER"}, None, "x-sluice-task"),
        ({"x-sluice-feature": ""}, None, "x-sluice-feature"),
        ({"x-sluice-cache": "sometimes"}, None, "x-sluice-cache"),
        ({"x-sluice-cache": "ttl=999999999"}, None, "x-sluice-cache"),
        ({"x-sluice-cache": "ttl=-1"}, None, "x-sluice-cache"),
        ({"x-sluice-deadline": "soon"}, None, "x-sluice-deadline"),
        ({"x-sluice-deadline": "59s"}, None, "x-sluice-deadline"),
        ({"x-sluice-deadline": "8d"}, None, "x-sluice-deadline"),
        ({"x-sluice-deadline": "2h "}, None, "x-sluice-deadline"),
        ({"x-sluice-deadline": "\u0662h"}, None, "x-sluice-deadline"),
        ({}, {"deadline": 7200}, "sluice.deadline"),
        ({"x-sluice-max-cost": "a dollar"}, None, "x-sluice-max-cost"),
        ({}, {"max_cost_usd": "-1"}, "sluice.max_cost_usd"),
        ({"x-sluice-max-cost": "1"}, {"max_cost_usd": "2"}, "x-sluice-max-cost"),
    ],
)
def test_a_wrong_control_is_refused_by_name(headers: dict[str, str], body: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_controls(headers, body)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("given", "nano"),
    [("0.05", 50_000_000), (0.05, 50_000_000), (1, 10**9), (0.00001, 10_000), (1e-9, 1), (0, 0)],
)
def test_a_max_cost_is_read_from_text_and_from_any_number_of_json(given: object, nano: int) -> None:
    assert read_controls({}, {"max_cost_usd": given}).max_cost_nano == nano


@pytest.mark.parametrize("given", [True, -1, 1e-10, 1e12, "1e-3", "5 USD", [1], {}])
def test_a_max_cost_that_is_no_amount_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_controls({}, {"max_cost_usd": given})
    assert caught.value.param == "sluice.max_cost_usd"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("60s", 60), ("1m", 60), ("30m", 1800), ("2h", 7200), ("24h", 86_400), ("7d", 604_800)],
)
def test_a_deadline_is_a_time_from_a_minute_to_a_week(given: str, seconds: int) -> None:
    assert read_controls({"x-sluice-deadline": given}, None).deadline_seconds == seconds
    assert read_controls({}, {"deadline": given}).deadline_seconds == seconds


def test_the_refusal_of_a_deadline_names_its_bounds() -> None:
    with pytest.raises(InvalidRequest, match="from 1m to 7d, such as 30m, 2h or 24h"):
        read_controls({"x-sluice-deadline": "1s"}, None)
