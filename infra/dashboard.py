"""The dashboard: what happens to the money, and whether calls are answered, on one page.

Every graph is a row of :data:`GRAPHS`; what it shows comes from the tables of metrics and alarms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra.alarm_table import MINUTE, Whose
from infra.alarms import Dimensions
from infra.settings import StackSettings
from shared.meters import GAUGES, NAMESPACE, Meter
from shared.resources import resource_name

_COLUMNS: Final = 24
_HEIGHT: Final = 6
_NANO_PER_USD: Final = 1_000_000_000


@dataclass(frozen=True)
class Line:
    """One line of a graph. ``each`` names a dimension that it is drawn for each value of."""

    label: str
    metric: str
    statistic: str = "Sum"
    namespace: str | None = None
    whose: Whose = "environment"
    each: str | None = None
    in_usd: bool = False


@dataclass(frozen=True)
class Graph:
    """A graph in a row; ``period`` in seconds."""

    row: str
    title: str
    lines: tuple[Line, ...]
    period: int = 5 * MINUTE


def _usd(label: str, meter: Meter, statistic: str = "Sum") -> Line:
    return Line(label, meter.value, statistic, in_usd=True)


_EDGE: Final = ("AWS/ApiGateway", "stage")
_LAMBDA: Final = ("AWS/Lambda", "router")
_JOBS: Final = ("AWS/SQS", "jobs_queue")
_DEAD: Final = ("AWS/SQS", "dead_letters")

GRAPHS: Final = (
    Graph(
        "Money",
        "Spent, and what it would have been (USD)",
        (
            _usd("spent", Meter.COST),
            _usd("saved", Meter.SAVED),
            _usd("as it was asked", Meter.BASELINE),
        ),
    ),
    Graph("Money", "Charged in doubt (USD)", (_usd("doubt", Meter.DOUBT),)),
    Graph(
        "Budget",
        "Used of the environment's budget (%)",
        tuple(Line(period, each.used, "Maximum") for period, each in GAUGES.items()),
    ),
    Graph(
        "Budget",
        "Caps with their raises (USD)",
        tuple(_usd(period, each.cap, "Maximum") for period, each in GAUGES.items()),
    ),
    Graph(
        "Budget",
        "Refused",
        (
            Line("for want of a budget", Meter.BUDGET_REFUSALS),
            Line("for want of a price", Meter.UNPRICED),
            Line("in all", Meter.REFUSALS),
        ),
    ),
    Graph(
        "Cache",
        "Answers",
        (
            Line("from the cache", Meter.CACHE_HITS),
            Line("missed", Meter.CACHE_MISSES),
            Line("bypassed", Meter.CACHE_BYPASSES),
        ),
    ),
    Graph(
        "Latency and errors",
        "Time to an answer (ms)",
        (
            Line("median", Meter.LATENCY, "p50"),
            Line("p95", Meter.LATENCY, "p95"),
            Line("p95", Meter.LATENCY, "p95", each="tier"),
        ),
    ),
    Graph(
        "Latency and errors",
        "Calls",
        (Line("all", Meter.REQUESTS), Line("calls", Meter.REQUESTS, each="tier")),
    ),
    Graph(
        "Latency and errors",
        "At the edge",
        (
            Line("5xx", "5XXError", "Sum", *_EDGE),
            Line("4xx", "4XXError", "Sum", *_EDGE),
            Line("turned away by Lambda", "Throttles", "Sum", *_LAMBDA),
            Line("crashes", Meter.CRASHES),
            Line("store errors", Meter.STORE_ERRORS),
        ),
    ),
    Graph("Providers", "Attempts", (Line("attempts", Meter.PROVIDER_CALLS, each="provider"),)),
    Graph("Providers", "Failed", (Line("failed", Meter.FAILURES, each="provider"),)),
    Graph(
        "Deferred calls",
        "Messages",
        (
            Line("waiting", "ApproximateNumberOfMessagesVisible", "Maximum", *_JOBS),
            Line("dead", "ApproximateNumberOfMessagesVisible", "Maximum", *_DEAD),
        ),
    ),
    Graph(
        "Deferred calls",
        "Age of the oldest message (s)",
        (Line("age", "ApproximateAgeOfOldestMessage", "Maximum", *_JOBS),),
    ),
    Graph(
        "Deferred calls",
        "Late and failing",
        (
            Line("left their batch", Meter.JOBS_PROMOTED),
            Line("teams not told", Meter.TEAMS_UNTOLD),
            Line("errors of the dispatcher", "Errors", "Sum", "AWS/Lambda", "dispatcher"),
            Line("errors of the collector", "Errors", "Sum", "AWS/Lambda", "collector"),
        ),
    ),
    Graph(
        "Books",
        "Cost by what was held (thousandths), and the audit",
        (
            Line("most of what was held", Meter.ACTUAL_OF_RESERVED, "Maximum"),
            Line("metrics apart from rows", Meter.LEDGER_GAP, "Maximum"),
            Line("findings", Meter.AUDIT_FINDINGS, "Maximum"),
            Line("audit overdue (hours)", Meter.AUDIT_OVERDUE, "Maximum"),
        ),
    ),
    Graph(
        "Books",
        "Telling people",
        (
            Line("undelivered", Meter.UNDELIVERED),
            Line("runs of the guard", "Invocations", "Sum", "AWS/Lambda", "guard"),
            Line("its errors", "Errors", "Sum", "AWS/Lambda", "guard"),
        ),
    ),
    Graph("Books", "Age of the oldest price (days)", (Line("age", Meter.PRICE_AGE, "Maximum"),)),
)

TIERS: Final = ("nano", "mid", "frontier")


def declare_dashboard(stack: StackSettings, known: Mapping[Whose, Dimensions]) -> None:
    """Declare the page, or nothing."""
    if not stack.dashboard:
        return
    values = {"tier": TIERS, "provider": stack.providers}
    aws.cloudwatch.Dashboard(
        "dashboard",
        dashboard_name=resource_name(stack.environment, "overview"),
        dashboard_body=pulumi.Output.json_dumps(body(known, values, stack.region)),
    )


def body(
    known: Mapping[Whose, Dimensions], values: Mapping[str, Sequence[str]], region: str
) -> dict[str, Any]:
    """Return the page in CloudWatch's format ("Dashboard body structure and syntax")."""
    widgets: list[dict[str, Any]] = []
    y = 0
    for row in dict.fromkeys(graph.row for graph in GRAPHS):
        graphs = [graph for graph in GRAPHS if graph.row == row]
        heading = {"markdown": f"## {row}"}
        widgets.append({"type": "text", "x": 0, "y": y, "width": 24, "height": 1,
                        "properties": heading})  # fmt: skip
        for number, graph in enumerate(graphs):
            width = _COLUMNS // len(graphs)
            place = {"x": number * width, "y": y + 1, "width": width, "height": _HEIGHT}
            shown = _properties(graph, known, values, region)
            widgets.append({"type": "metric", **place, "properties": shown})
        y += 1 + _HEIGHT
    return {"widgets": widgets}


def _properties(
    graph: Graph,
    known: Mapping[Whose, Dimensions],
    values: Mapping[str, Sequence[str]],
    region: str,
) -> dict[str, Any]:
    metrics: list[Any] = []
    for number, line in enumerate(graph.lines):
        metrics += _metrics(line, f"l{number}", known, values)
    return {
        "title": graph.title,
        "view": "timeSeries",
        "stacked": False,
        "region": region,
        "period": graph.period,
        "yAxis": {"left": {"min": 0}},
        "metrics": metrics,
    }


def _metrics(
    line: Line,
    name: str,
    known: Mapping[Whose, Dimensions],
    values: Mapping[str, Sequence[str]],
) -> list[Any]:
    metric = [line.namespace or NAMESPACE, line.metric]
    whose = known[line.whose]
    if line.each is not None:
        return [
            [*metric, *_flat({**whose, line.each: value}), _drawn(line, f"{line.label}, {value}")]
            for value in values[line.each]
        ]
    if not line.in_usd:
        return [[*metric, *_flat(whose), _drawn(line, line.label)]]
    hidden = {"id": name, "visible": False, "stat": line.statistic}
    shown = {"expression": f"{name} / {_NANO_PER_USD}", "label": line.label, "id": f"{name}usd"}
    return [[*metric, *_flat(whose), hidden], [shown]]


def _drawn(line: Line, label: str) -> dict[str, str]:
    return {"stat": line.statistic, "label": label}


def _flat(dimensions: Dimensions) -> list[Any]:
    return [part for pair in dimensions.items() for part in pair]
