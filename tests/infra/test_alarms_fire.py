"""Every alarm fires by its cause and clears: what functions print is what the alarm sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from infra.alarm_table import ALARMS, DAY, HOUR
from local.alarms.data import MetricData
from local.alarms.declaration import metric_alarm
from local.alarms.watch import Watch
from local.emf import Datum, data_of
from shared.adapters.guard_telemetry import PowertoolsGuardMeter
from shared.adapters.telemetry import PowertoolsMeter
from shared.domain.budgets import Budget, Counter
from shared.domain.budgets.scopes import slice_scope
from shared.domain.money import NANO_PER_USD
from shared.domain.notices.audits import DAILY, done
from shared.domain.notices.message import NotTaken
from shared.meters import Meter, Trouble
from tests.contracts.guards import Guarded, guarded
from tests.contracts.operators import in_memory
from tests.contracts.test_store import ENTRY, SETTLEMENT
from tests.infra.bare import run_with

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
BEGUN = 1_795_305_600.0
"""2026-11-22 00:00 UTC."""
USD = NANO_PER_USD
FUNCTION = {"FunctionName": "sluice-dev-router"}
NEWEST = {**FUNCTION, "Resource": "sluice-dev-router:live", "ExecutedVersion": "7"}
GUARD = {"FunctionName": "sluice-dev-budget-guard"}
DISPATCHER = {"FunctionName": "sluice-dev-dispatcher"}
COLLECTOR = {"FunctionName": "sluice-dev-collector"}
QUEUE = {"QueueName": "sluice-dev-jobs"}
DEAD_LETTERS = {"QueueName": "sluice-dev-jobs-dead"}
DEPTH = "ApproximateNumberOfMessagesVisible"
AGE = "ApproximateAgeOfOldestMessage"
STAGE = {"ApiName": "sluice-dev-edge", "Stage": "live"}


@dataclass
class Scene:
    """A stack's metrics, fed by the functions' own meters on a clock of the test's."""

    capsys: pytest.CaptureFixture[str]
    data: MetricData
    now: float = BEGUN

    def __post_init__(self) -> None:
        self.router = PowertoolsMeter("dev", lambda: self.now, service="router")
        self.guard = PowertoolsGuardMeter("dev", lambda: self.now, service="scene-guard")

    def printed(self) -> None:
        for line in self.capsys.readouterr().out.splitlines():
            for datum in data_of(line):
                self.data.add(datum)

    def aws(self, namespace: str, name: str, dimensions: dict[str, str], value: float) -> None:
        at = datetime.fromtimestamp(self.now, tz=UTC)
        self.data.add(Datum(namespace, name, tuple(sorted(dimensions.items())), "Count", value, at))

    def settle(self, cost: int, *, held: int = 10**15, **changes: Any) -> None:
        entry = dataclasses.replace(ENTRY, tier="nano")
        settlement = dataclasses.replace(SETTLEMENT, cost_nano=cost, **changes)
        self.router.settled(entry, settlement, changes.get("seconds", 0.2), held)

    def environment(self, day: int, month: int = 0) -> None:
        """Measure the environment with so much of $100 a day and $1000 a month spent."""
        self.guard.budget(
            Budget(
                slice_scope(0),
                Counter("2026-11-22", 100 * USD, (100 - day) * USD, spent=day * USD),
                Counter("2026-11", 1000 * USD, (1000 - month) * USD, spent=max(month, 1) * USD),
                on_limit="stop",
            )
        )


Cause = Callable[[Scene], None]


def used(day: int = 0, month: int = 0) -> Cause:
    return lambda scene: scene.environment(day, month)


def burnt(dollars: float) -> Cause:
    """So many dollars are spent within a minute."""

    def cause(scene: Scene) -> None:
        scene.environment(1)
        scene.settle(round(dollars * USD))

    return cause


def slow(scene: Scene) -> None:
    scene.router.settled(ENTRY, SETTLEMENT, 61.0)


def failing(scene: Scene) -> None:
    for number in range(10):
        scene.settle(1, outcome="failed" if number == 0 else "answered")


def doubtful(scene: Scene) -> None:
    scene.settle(99 * USD)
    scene.settle(1 * USD, usage_source="estimated")


def hardly_doubtful(scene: Scene) -> None:
    scene.settle(999 * USD)
    scene.settle(USD, usage_source="estimated")


def of_aws(service: str, metric: str, whose: dict[str, str], value: float) -> Cause:
    """AWS publishes a point of one of its own metrics."""
    return lambda scene: scene.aws(f"AWS/{service}", metric, whose, value)


def at_the_edge(*, calls: int, failed: int) -> Cause:
    """Each call is a point of both metrics: one call, and whether it failed."""

    def cause(scene: Scene) -> None:
        for number in range(calls):
            scene.aws("AWS/ApiGateway", "Count", STAGE, 1)
            scene.aws("AWS/ApiGateway", "5XXError", STAGE, int(number < failed))

    return cause


def trouble(what: Trouble, times: int = 3) -> Cause:
    def cause(scene: Scene) -> None:
        for _ in range(times):
            scene.router.trouble(what, operation="x", code="y")

    return cause


def guard_of(scene: Scene) -> Guarded:
    """A guard that looks at books of its own and measures for the scene."""
    found = guarded(in_memory())
    found.meter = scene.guard
    found.bench.time[0] = scene.now
    return found


def audits_missing(scene: Scene) -> None:
    guard = guard_of(scene)
    guard.notices.write(None, [done(each, None, scene.now - 25 * HOUR) for each in DAILY])
    guard.guard.check()


def gap_of(metrics: int) -> Cause:
    """The day before cost $10 by its rows."""

    def cause(scene: Scene) -> None:
        guard = guard_of(scene)
        guard.bench.time[0] = scene.now - DAY
        guard.bench.spend(10 * USD)
        guard.bench.time[0] = scene.now
        guard.metrics_nano = metrics
        guard.gap()

    return cause


def prices_of(days: int) -> Cause:
    def cause(scene: Scene) -> None:
        guard = guard_of(scene)
        guard.price_age = days
        guard.audit()

    return cause


def nobody_takes_it(scene: Scene) -> None:
    guard = guard_of(scene)
    guard.people[0].troubles = [NotTaken("status 400", may_have_arrived=False)] * 3
    guard.guard.relay("AWS Budgets", "You have spent 80 %.", "sns-1", scene.now)
    for minutes in (2, 4):
        guard.bench.time[0] += minutes * 60
        guard.guard.check()


CAUSES: dict[str, Cause] = {
    "budget-day-50": used(day=50),
    "budget-day-80": used(day=80),
    "budget-day-100": used(day=99),
    "budget-month-50": used(month=500),
    "budget-month-80": used(month=800),
    "budget-month-100": used(month=990),
    "burn-day-30m": burnt(10),
    "burn-day-2h": burnt(25),
    "burn-day-8h": burnt(50),
    "burn-month-1h": burnt(20),
    "burn-month-6h": burnt(50),
    "burn-month-3d": burnt(34),
    "budget-refusals": lambda s: s.router.refused("req_1", "chat", 402, "budget_exceeded"),
    "over-reserved": lambda s: s.settle(1001, held=1000),
    "unpriced": lambda s: s.router.refused("req_1", "chat", 400, "model_unpriced"),
    "doubt": doubtful,
    "audit-missing": audits_missing,
    "ledger-gap": gap_of(9_900_000_000),
    "price-age": prices_of(46),
    "edge-5xx": at_the_edge(calls=60, failed=2),
    "newest-errors": lambda s: s.aws("AWS/Lambda", "Errors", NEWEST, 1),
    "crashes": trouble("crash"),
    "providers-failing": failing,
    "latency": slow,
    "throttles": lambda s: s.aws("AWS/Lambda", "Throttles", FUNCTION, 1),
    "store-errors": trouble("store"),
    "dead-letters": of_aws("SQS", DEPTH, DEAD_LETTERS, 1),
    "jobs-waiting": of_aws("SQS", AGE, QUEUE, 1800),
    "dispatcher-failing": of_aws("Lambda", "Errors", DISPATCHER, 1),
    "collector-failing": of_aws("Lambda", "Errors", COLLECTOR, 3),
    "batch-overdue": trouble("job_promoted", 20),
    "teams-untold": trouble("untold", 1),
    "guard-failing": lambda s: s.aws("AWS/Lambda", "Errors", GUARD, 1),
    "undelivered": nobody_takes_it,
}
"""What goes wrong, once a minute, until the alarm has seen as much as it needs.

``guard-silent`` is not here: its cause is that nothing happens."""
ENDS: dict[str, Cause] = {"ledger-gap": gap_of(10 * USD)}
"""What ends an alarm that silence does not end."""
SILENT = {"OK", "INSUFFICIENT_DATA"}
ALMOST: dict[str, Cause] = {
    "budget-day-50": used(day=49),
    "budget-day-80": used(day=79),
    "budget-day-100": used(day=98),
    "burn-day-30m": burnt(9),
    "over-reserved": lambda s: s.settle(1000, held=1000),
    "doubt": hardly_doubtful,
    "ledger-gap": gap_of(9_901_000_000),
    "price-age": prices_of(45),
    "latency": lambda s: s.router.settled(ENTRY, SETTLEMENT, 59.0),
    "providers-failing": lambda s: s.settle(1),
    "edge-5xx": at_the_edge(calls=1, failed=1),
    "budget-refusals": lambda s: s.router.refused("req_1", "chat", 402, "call_too_dear"),
    "dead-letters": of_aws("SQS", DEPTH, DEAD_LETTERS, 0),
    "jobs-waiting": of_aws("SQS", AGE, QUEUE, 1799),
    "collector-failing": of_aws("Lambda", "Errors", COLLECTOR, 2),
    "batch-overdue": trouble("job_promoted", 19),
    "teams-untold": trouble("not_told"),
}
"""What almost goes wrong, and is no alarm."""


@pytest.fixture(scope="module")
def declared_alarms() -> dict[str, Any]:
    made = run_with("dev", alarms="all", release_alarms=True).declared
    return {name: inputs for (kind, name), inputs in made.items() if kind == ALARM}


@pytest.fixture
def scene(capsys: pytest.CaptureFixture[str]) -> Scene:
    return Scene(capsys, MetricData())


def watched(name: str, declared_alarms: dict[str, Any], scene: Scene) -> Watch:
    inputs = declared_alarms[name]
    resource: Any = SimpleNamespace(name=name, inputs=inputs, outputs={"arn": f"arn:{name}"})
    return Watch([metric_alarm(resource)], [], scene.data, BEGUN)


def state(watch: Watch) -> str:
    [standing] = watch.standings.values()
    return str(standing.state)


def span_of(name: str) -> tuple[int, int]:
    """The period of an alarm and how many of them it looks at."""
    [row] = [row for row in ALARMS if row.name == name]
    [period] = {each.period for each in row.metrics.values()}
    return period, row.periods


def live_through(scene: Scene, watch: Watch, cause: Cause, name: str) -> None:
    """Let the cause be once in each period that the alarm looks at, to the end of the last."""
    period, periods = span_of(name)
    for _ in range(periods):
        cause(scene)
        scene.printed()
        scene.now += period
        watch.advance(scene.now)


def test_every_alarm_has_a_cause_here() -> None:
    assert {row.name for row in ALARMS} == CAUSES.keys() | {"guard-silent"}


@pytest.mark.parametrize("name", CAUSES)
def test_an_alarm_fires_by_its_cause_and_clears(
    name: str, declared_alarms: dict[str, Any], scene: Scene
) -> None:
    watch = watched(name, declared_alarms, scene)
    watch.advance(scene.now)
    assert state(watch) in SILENT, "silence is no fault"
    live_through(scene, watch, CAUSES[name], name)
    assert state(watch) == "ALARM"
    period, periods = span_of(name)
    if name in ENDS:
        ENDS[name](scene)
    scene.printed()
    scene.now += period * (periods + 6) + DAY
    watch.advance(scene.now)
    assert state(watch) == "OK"


def test_a_gap_stays_an_alarm_until_the_next_day_has_none(
    declared_alarms: dict[str, Any], scene: Scene
) -> None:
    watch = watched("ledger-gap", declared_alarms, scene)
    live_through(scene, watch, CAUSES["ledger-gap"], "ledger-gap")
    scene.now += 23 * HOUR
    watch.advance(scene.now)
    assert state(watch) == "ALARM"


@pytest.mark.parametrize("name", ALMOST)
def test_an_alarm_does_not_fire_by_what_is_still_right(
    name: str, declared_alarms: dict[str, Any], scene: Scene
) -> None:
    watch = watched(name, declared_alarms, scene)
    live_through(scene, watch, ALMOST[name], name)
    assert state(watch) == "OK"


def test_a_guard_that_does_not_run_is_an_alarm_until_it_does(
    declared_alarms: dict[str, Any], scene: Scene
) -> None:
    watch = watched("guard-silent", declared_alarms, scene)
    for _ in range(12):
        scene.aws("AWS/Lambda", "Invocations", GUARD, 1)
        scene.now += 300
        watch.advance(scene.now)
    assert state(watch) == "OK"
    scene.now += HOUR
    watch.advance(scene.now)
    assert state(watch) == "ALARM"
    scene.aws("AWS/Lambda", "Invocations", GUARD, 1)
    scene.now += 60
    watch.advance(scene.now)
    assert state(watch) == "OK"


def test_every_metric_of_ours_was_emitted_by_its_own_meter(scene: Scene) -> None:
    for cause in CAUSES.values():
        cause(scene)
    scene.router.settled(dataclasses.replace(ENTRY, cache="hit"), SETTLEMENT, 0.1)
    scene.printed()
    emitted = {metric.name for metric in scene.data.metrics if metric.namespace == "Sluice"}
    assert emitted == {meter.value for meter in Meter}
