"""Log lines and metrics by Powertools: each request is one line that is both.

CloudWatch takes metrics from any log line in its embedded format (EMF) and leaves the line in the
log, so a request's facts stand in the line of its metrics: one line less to format, to ship and
to pay for. A line holds the allow-listed facts below and nothing else: never a prompt, an answer
or a key. The dimension sets of each metric stand in :mod:`shared.meters`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from shared.clock import Clock, utc
from shared.domain.entries import Entry, Settlement
from shared.domain.errors import BudgetExceeded, BudgetFrozen, UnpricedModel
from shared.meters import COUNTED, ENVIRONMENT, METRICS, NAMESPACE, Dimensions, Trouble
from shared.meters import Meter as Name

_FOR_WANT_OF_BUDGET: Final = {each.code for each in (BudgetExceeded, BudgetFrozen)}
_INTERACTIVE: Final = "router"
"""The only service whose callers wait: elsewhere time passes on purpose."""
_LEVEL: Final = logging.INFO
"""The level of a request's facts. Its metrics are emitted whatever the logger's level is."""


class PowertoolsMeter:
    """Implements :class:`shared.ports.calls.Meter` on standard output, where Lambda reads it."""

    def __init__(self, environment: str, clock: Clock, *, service: str) -> None:
        self._environment = environment
        self._clock = clock
        self._service = service
        self._logger = Logger(service=service)

    def settled(
        self,
        entry: Entry,
        settlement: Settlement,
        seconds: float,
        held_nano: int | None = None,
    ) -> None:
        """Tell the request's facts and its metrics."""
        milliseconds = round(seconds * 1000)
        values = _of_outcome(entry, settlement)
        if self._service == _INTERACTIVE:
            values[Name.LATENCY] = milliseconds
        if held_nano:
            values[Name.ACTUAL_OF_RESERVED] = _permille(settlement.cost_nano, held_nano)
        facts = _facts(entry, settlement) | {"milliseconds": milliseconds}
        self._emit(values, "request", facts, tier=entry.tier, provider=entry.provider)

    def charged(self, nano: int) -> None:
        """Tell it as cost in doubt, as the rows do."""
        self.measured({Name.COST: nano, Name.DOUBT: nano})

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Tell the refusal and count it."""
        facts = {"request_id": request_id, "door": door, "status": status, "code": code}
        values = {
            Name.REQUESTS: 1,
            Name.REFUSALS: 1,
            Name.BUDGET_REFUSALS: int(code in _FOR_WANT_OF_BUDGET),
            Name.UNPRICED: int(code == UnpricedModel.code),
        }
        self._emit(values, "refused", facts)

    def trouble(self, what: Trouble, **facts: Any) -> None:
        """Log a trouble as an error, and count those that alarms watch."""
        self._logger.error(what, **facts)
        if what in COUNTED:
            self._emit({COUNTED[what]: 1})

    def measured(self, values: Mapping[Name, int]) -> None:
        """Tell what a function measured itself."""
        self._emit(dict(values))

    def _emit(
        self,
        values: dict[Name, int],
        message: str | None = None,
        facts: dict[str, Any] | None = None,
        **more: str | None,
    ) -> None:
        told = {name: value for name, value in values.items() if value or not METRICS[name].sparse}
        if not told:
            return
        metrics = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE, dimension_set={ENVIRONMENT: self._environment}
        )
        known = {name: value for name, value in more.items() if value is not None}
        for name, value in told.items():
            metrics.add_metric(name=name.value, unit=METRICS[name].unit, value=value)
        now = self._clock()
        metrics.timestamp = int(now * 1000)
        metrics.metadata_set |= known
        if facts is not None and self._logger.log_level <= _LEVEL:
            metrics.metadata_set |= {**self._head(message, now), **facts}
        line: dict[str, Any] = dict(metrics.serialize_metric_set())
        line["_aws"]["CloudWatchMetrics"] = _directives(tuple(told), tuple(known))
        # In one piece: another thread's line must not get between the text and its end.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def _head(self, message: str | None, now: float) -> dict[str, Any]:
        """Return what Powertools' logger puts before the facts of its own lines."""
        return {
            "level": logging.getLevelName(_LEVEL),
            "message": message,
            "timestamp": utc(now).isoformat(timespec="milliseconds"),
            "service": self._service,
        }


@cache
def _directives(names: tuple[Name, ...], known: Dimensions) -> list[dict[str, Any]]:
    """Return which metrics a line tells under which dimension sets: a directive for each choice.

    ``known`` are the dimensions that the line has a value of, beside the environment.
    """
    groups: dict[tuple[Dimensions, ...], list[Name]] = {}
    for name in names:
        sets = tuple(each for each in METRICS[name].sets if {*each} <= {ENVIRONMENT, *known})
        groups.setdefault(sets, []).append(name)
    return [_directive(sets, found) for sets, found in groups.items()]


def _directive(sets: tuple[Dimensions, ...], names: Iterable[Name]) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": [list(each) for each in sets],
        "Metrics": [{"Name": name.value, "Unit": METRICS[name].unit} for name in names],
    }


def _of_outcome(entry: Entry, settlement: Settlement) -> dict[Name, int]:
    in_doubt = settlement.usage_source == "estimated"
    values = {
        Name.REQUESTS: 1,
        Name.CACHE_HITS: int(entry.cache == "hit"),
        Name.CACHE_MISSES: int(entry.cache == "miss"),
        Name.CACHE_BYPASSES: int(entry.cache == "bypass"),
        Name.COST: settlement.cost_nano,
        Name.BASELINE: settlement.baseline_nano,
        Name.SAVED: settlement.saved_nano,
        Name.DOUBT: settlement.cost_nano if in_doubt else 0,
    }
    if entry.cache == "hit":
        return values
    failed = int(settlement.outcome == "failed")
    return values | {Name.PROVIDER_CALLS: 1, Name.FAILURES: failed}


def _permille(part: int, whole: int) -> int:
    """Return a part in thousandths, rounded up: one nano-dollar too many is told."""
    return -(-part * 1000 // whole)


def _facts(entry: Entry, settlement: Settlement) -> dict[str, Any]:
    return {
        "request_id": entry.request_id,
        "team": entry.team,
        "key_id": entry.key_id,
        "door": entry.door,
        "feature": entry.feature,
        "task": entry.task,
        "requested_model": entry.requested_model,
        "model": entry.model,
        "provider": entry.provider,
        "tier": entry.tier,
        "route_reason": entry.route_reason,
        "stream": entry.stream,
        "cache": entry.cache,
        "outcome": settlement.outcome,
        "finish_reason": settlement.finish_reason,
        "usage_source": settlement.usage_source,
        "tokens_prompt": settlement.tokens.prompt,
        "tokens_output": settlement.tokens.output,
        "cost_nano": settlement.cost_nano,
        "baseline_nano": settlement.baseline_nano,
        "saved_nano": settlement.saved_nano,
        "price_version": entry.price_version,
    }
