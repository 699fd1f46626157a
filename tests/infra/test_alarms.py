"""The table of alarms, as CloudWatch gets it: every row complete, heard, explained and paid for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.alarm_table import ALARMS, DAY, HOUR, Alarm
from infra.dashboard import GRAPHS
from shared.domain.budgets.budget import PERIODS
from shared.domain.notices.alarm_notices import heard
from shared.domain.notices.budget_notices import THRESHOLDS
from shared.meters import METRICS, NAMESPACE, Meter
from shared.settings import guard_settings
from shared.usecases.guarding import is_of_budget, is_of_money
from tests.infra.bare import ROOT, Stack, declared, run_with

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPICS = {
    "guard": "arn:aws:mock:us-east-1:123456789012:sluice-dev-alarms",
    "people": "arn:aws:mock:us-east-1:123456789012:sluice-dev-people",
}
of_each = pytest.mark.parametrize("row", ALARMS, ids=lambda row: row.name)
RUNBOOK_AT = "docs/runbook.md"
RUNBOOK = (ROOT / RUNBOOK_AT).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def every() -> Stack:
    return run_with("dev", alarms="all", release_alarms=True, dashboard=True)


def anchors(text: str) -> list[str]:
    """The anchors of a document's sections as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


def own_metrics(row: Alarm) -> set[Meter]:
    return {Meter(each.metric) for each in row.metrics.values() if each.namespace is None}


@of_each
def test_each_row_is_declared_whole(row: Alarm, every: Stack) -> None:
    made = every.one(ALARM, row.name)
    assert made["name"] == f"sluice-dev-{row.name}"
    assert made["treatMissingData"] == row.silence
    heard_by = ["guard", "people"] if row.heard_by == "both" else [row.heard_by]
    assert made["alarmActions"] == [TOPICS[each] for each in heard_by]
    assert made["okActions"] == ([] if row.heard_by == "people" else [TOPICS["guard"]])
    assert made["tags"]["severity"] == row.severity
    assert made["tags"]["owner"] == row.owner
    assert (made["evaluationPeriods"], made["datapointsToAlarm"]) == (row.periods, row.needed)
    assert made["alarmDescription"].endswith(f"What to do: {RUNBOOK_AT}#{row.anchor}")
    for query in made.get("metricQueries", [{"metric": made}]):
        watched: dict[str, Any] = query.get("metric", {"namespace": "", "dimensions": {"x": "y"}})
        assert watched["dimensions"], "a metric without dimensions is of all stacks together"


@of_each
def test_each_row_has_a_section_in_the_runbook_with_three_first_actions(row: Alarm) -> None:
    anchor = row.anchor
    assert anchors(RUNBOOK).count(anchor) == 1
    assert len(re.findall(r"^\d\. ", section(anchor), re.MULTILINE)) >= 3, anchor
    assert f"`{row.name}`" in section(anchor)


def test_the_url_of_the_runbook_stands_before_the_anchors_in_alarms_and_in_the_guard() -> None:
    url = "https://wiki.example.com/sluice/runbook.html"
    stack = run_with("dev", alarms="all", runbook_url=url)
    for made in stack.all(ALARM):
        assert re.search(rf" What to do: {re.escape(url)}#[a-z0-9-]+\Z", made["alarmDescription"])
    variables = stack.one("aws:lambda/function:Function", "budget-guard")["environment"][
        "variables"
    ]
    assert guard_settings(variables).runbook == url
    without = declared("dev").one("aws:lambda/function:Function", "budget-guard")
    assert guard_settings(without["environment"]["variables"]).runbook == RUNBOOK_AT


def test_commands_of_the_runbook_run_on_any_system() -> None:
    assert "date -d" not in RUNBOOK, "only GNU's date knows it"
    assert "End=$(date" not in RUNBOOK, "on the 1st no day lies between"


def section(anchor: str) -> str:
    parts = re.split(r"^(?=#+ )", RUNBOOK, flags=re.MULTILINE)
    [found] = [part for part in parts if part and anchors(part.splitlines()[0]) == [anchor]]
    return found


@of_each
def test_each_alarm_watches_what_is_emitted_for_the_environment_alone(row: Alarm) -> None:
    for meter in own_metrics(row):
        assert ("environment",) in METRICS[meter].sets


@of_each
def test_each_window_is_one_that_cloudwatch_takes(row: Alarm) -> None:
    # PutMetricAlarm: multiples of 60 s; seven days in all, one where a period is under an hour.
    periods = {each.period for each in row.metrics.values()}
    assert len(periods) == 1
    [period] = periods
    assert period % 60 == 0
    assert period <= DAY
    assert period * row.periods <= (7 * DAY if period >= HOUR else DAY)
    if row.by_the_clock:
        assert period in {60, 300, 3600, 86_400}
    assert row.needed <= row.periods


def test_what_may_silence_the_guard_goes_past_it() -> None:
    """Without the ledger it decides nothing, without an execution it does not run."""
    past = {row.name for row in ALARMS if row.heard_by == "people"}
    assert past == {"guard-failing", "guard-silent", "undelivered", "store-errors", "throttles"}
    both = {row.name for row in ALARMS if row.heard_by == "both"}
    assert both == {"budget-day-100", "budget-month-100"}


def test_names_are_unique_and_an_owner_and_a_severity_are_always_said() -> None:
    assert len({row.name for row in ALARMS}) == len(ALARMS)
    assert {row.owner for row in ALARMS} == {"on-call", "platform"}
    assert {row.severity for row in ALARMS} == {"page", "ticket"}


def test_every_threshold_of_the_environment_has_an_alarm_for_each_period() -> None:
    names = {row.name for row in ALARMS}
    thresholds = THRESHOLDS["environment"]
    assert {f"budget-{period}-{each}" for period in PERIODS for each in thresholds} <= names


def test_the_guard_knows_its_own_alarms_by_their_sections() -> None:
    def change(row: Alarm) -> Any:
        from shared.domain.notices import AlarmChange

        return AlarmChange(row.name, "ALARM", 0, row.description(RUNBOOK_AT), "")

    of_budget = {row.name for row in ALARMS if is_of_budget(change(row))}
    thresholds = ("budget-day", "budget-month")
    assert of_budget == {row.name for row in ALARMS if row.name.startswith(thresholds)}
    known = {row.name: heard(change(row), None) for row in ALARMS}
    pages = {name for name, each in known.items() if each and each.is_page}
    assert pages == {row.name for row in ALARMS if row.severity == "page"}
    of_money = {row.name for row in ALARMS if is_of_money(change(row))}
    burning = {row.name for row in ALARMS if row.name.startswith("burn-")}
    assert of_money == burning | {"budget-refusals"}


@pytest.mark.parametrize(
    ("name", "spent_percent"),
    [
        # What of the budget a window may spend: 4.8 x 30 min / 24 h, ...
        ("burn-day-30m", 10),
        ("burn-day-2h", 25),
        ("burn-day-8h", 50),
        ("burn-month-1h", 2),
        ("burn-month-6h", 5),
        ("burn-month-3d", 10),
    ],
)
def test_a_burn_rate_fires_when_its_window_has_spent_its_part(
    name: str, spent_percent: int
) -> None:
    [row] = [row for row in ALARMS if row.name == name]
    assert row.expression is not None
    factor = int(re.fullmatch(r"spent \* (\d+) / cap", row.expression)[1])  # type: ignore[index]
    of_cap = row.threshold / factor * row.periods
    assert of_cap == pytest.approx(spent_percent / 100)


def test_dev_has_the_few_and_prod_all() -> None:
    few = {row.name for row in ALARMS if row.chosen == "few"}
    assert {each["name"] for each in declared("dev").all(ALARM)} == {
        f"sluice-dev-{name}" for name in few
    }
    assert len(declared("prod").all(ALARM)) == len(ALARMS)


def test_the_dashboard_shows_every_metric_of_ours_and_every_alarm_s(every: Stack) -> None:
    drawn = {(line.namespace, line.metric) for graph in GRAPHS for line in graph.lines}
    assert {Meter(metric) for namespace, metric in drawn if namespace is None} == set(Meter)
    watched = {(m.namespace, m.metric) for row in ALARMS for m in row.metrics.values()}
    elsewhere = {("AWS/ApiGateway", "5XXError"), ("AWS/ApiGateway", "Count")}
    assert watched - drawn <= elsewhere | {("AWS/Lambda", "Errors")}
    body = json.loads(every.one("aws:cloudwatch/dashboard:Dashboard", "dashboard")["dashboardBody"])
    rows = [w["properties"]["markdown"] for w in body["widgets"] if w["type"] == "text"]
    assert rows == [
        "## Money", "## Budget", "## Cache", "## Latency and errors", "## Providers",
        "## Deferred calls", "## Books",
    ]  # fmt: skip


def test_widgets_of_the_dashboard_lie_beside_each_other_and_name_emitted_metrics(
    every: Stack,
) -> None:
    body = json.loads(every.one("aws:cloudwatch/dashboard:Dashboard", "dashboard")["dashboardBody"])
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        cells = {
            (widget["x"] + across, widget["y"] + down)
            for across in range(widget["width"])
            for down in range(widget["height"])
        }
        assert not cells & taken
        assert all(across < 24 for across, _ in cells)
        taken |= cells
        for metric in widget["properties"].get("metrics", []):
            if metric[0] == NAMESPACE:
                names = tuple(metric[2:-1:2])
                assert names in METRICS[Meter(metric[1])].sets, metric
