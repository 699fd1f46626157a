"""How a new version reaches callers, and what tells that it is bad."""

from __future__ import annotations

from typing import Any

import pytest

from infra.alarm_table import ALARMS
from tests.infra.bare import ENVIRONMENTS, ROOT, BareMocks, Stack, declared, run, run_with, stack_of

NEWEST = "7"  # What the mocks say was published last.
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def alias(stack: Stack) -> dict[str, Any]:
    return stack.one("aws:lambda/alias:Alias", "router-live")


def test_unpinned_the_newest_version_gets_every_call() -> None:
    live = alias(run_with("prod"))
    assert live["functionVersion"] == NEWEST
    assert "routingConfig" not in live


def test_pinned_the_newest_version_gets_its_share_beside_the_stable_one() -> None:
    live = alias(run_with("prod", stable_version=6, canary_percent=10))
    assert live["functionVersion"] == "6"
    assert live["routingConfig"] == {"additionalVersionWeights": {NEWEST: 0.1}}


def test_pinned_without_a_share_the_newest_version_gets_no_call() -> None:
    live = alias(run_with("prod", stable_version=6))
    assert live["functionVersion"] == "6"
    assert "routingConfig" not in live


def test_raising_the_pin_to_the_newest_version_promotes_it_and_leaves_the_share_for_the_next() -> (
    None
):
    live = alias(run_with("prod", stable_version=int(NEWEST), canary_percent=10))
    assert live["functionVersion"] == NEWEST
    assert "routingConfig" not in live


def test_a_deployer_reads_both_versions_from_the_outputs() -> None:
    outputs = run_with("prod", stable_version=6, canary_percent=10).outputs
    assert (outputs["router_version"], outputs["live_version"]) == (NEWEST, "6")


def test_the_edge_reaches_the_alias_whichever_versions_it_names() -> None:
    pinned = run_with("prod", stable_version=6, canary_percent=10)
    assert pinned.triggers == declared("prod").triggers


def test_the_newest_version_s_errors_are_watched_apart_from_the_stable_one_s() -> None:
    errors = run_with("dev", release_alarms=True).one(ALARM, "newest-errors")
    assert (errors["namespace"], errors["metricName"]) == ("AWS/Lambda", "Errors")
    assert errors["dimensions"] == {
        "FunctionName": "sluice-dev-router",
        "Resource": "sluice-dev-router:live",
        "ExecutedVersion": NEWEST,
    }


def test_the_api_s_5xx_are_watched_as_a_share_of_all_answers() -> None:
    refused = run_with("dev", release_alarms=True).one(ALARM, "edge-5xx")
    result, *watched = refused["metricQueries"]
    assert result["expression"] == "100 * failed / IF(calls > 100, calls, 100)"
    assert refused["threshold"] == 2
    metrics = [each["metric"] for each in watched]
    assert [(each["metricName"], each["stat"]) for each in metrics] == [
        ("5XXError", "Sum"), ("Count", "Sum"),
    ]  # fmt: skip
    for each in metrics:
        assert each["namespace"] == "AWS/ApiGateway"
        assert each["dimensions"] == {"ApiName": "sluice-dev-edge", "Stage": "live"}


def test_release_alarms_come_and_go_with_their_setting() -> None:
    release = {row.name for row in ALARMS if row.chosen == "release"}
    assert release == {"newest-errors", "edge-5xx"}
    on = run_with("dev", release_alarms=True, alarms="none").all(ALARM)
    assert {alarm["name"] for alarm in on} == {f"sluice-dev-{name}" for name in release}
    assert run_with("dev", release_alarms=False, alarms="none").all(ALARM) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_first_deployment_is_unpinned(environment: str) -> None:
    # No version exists yet that an alias could be pinned to.
    config = stack_of(environment).config
    assert "sluice:stable_version" not in config
    assert run(ROOT / "infra", stack_of(environment), BareMocks()).outputs["live_version"] == NEWEST
