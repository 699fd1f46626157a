"""Log lines and metrics by Powertools: each request is one line that is both.

CloudWatch takes metrics from any log line in its embedded format (EMF) and leaves the line in the
log, so a request's facts stand in the line of its metrics: one line less to format, to ship and
to pay for. A line holds the allow-listed facts below and nothing else: never a prompt, an answer
or a key. Metrics have the dimension sets ``{environment}``, which alarms watch, and
``{environment, tier}``.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from shared.clock import Clock, utc
from shared.domain.entries import Entry, Settlement
from shared.meters import NAMESPACE, UNITS
from shared.meters import Meter as Name

_LEVEL: Final = logging.INFO
"""The level of a request's facts. Its metrics are emitted whatever the logger's level is."""


class PowertoolsMeter:
    """Implements :class:`shared.ports.Meter` on standard output, where Lambda reads it."""

    def __init__(self, environment: str, clock: Clock, *, service: str) -> None:
        self._environment = environment
        self._clock = clock
        self._service = service
        self._logger = Logger(service=service)

    def settled(self, entry: Entry, settlement: Settlement, seconds: float) -> None:
        """Tell the request's facts and its metrics."""
        in_doubt = settlement.usage_source == "estimated"
        milliseconds = round(seconds * 1000)
        self._emit(
            {
                Name.REQUESTS: 1,
                Name.FAILURES: int(settlement.outcome == "failed"),
                Name.CACHE_HITS: int(entry.cache == "hit"),
                Name.CACHE_MISSES: int(entry.cache == "miss"),
                Name.COST: settlement.cost_nano,
                Name.BASELINE: settlement.baseline_nano,
                Name.SAVED: settlement.saved_nano,
                Name.DOUBT: settlement.cost_nano if in_doubt else 0,
                Name.LATENCY: milliseconds,
            },
            "request",
            _facts(entry, settlement) | {"milliseconds": milliseconds},
            tier=entry.tier,
        )

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Tell the refusal and count it."""
        facts = {"request_id": request_id, "door": door, "status": status, "code": code}
        self._emit({Name.REQUESTS: 1, Name.REFUSALS: 1}, "refused", facts)

    def trouble(self, what: str, **facts: Any) -> None:
        """Log a trouble as an error."""
        self._logger.error(what, **facts)
        if what == "store":
            self._emit({Name.STORE_ERRORS: 1})

    def _emit(
        self,
        values: dict[Name, int],
        message: str | None = None,
        facts: dict[str, Any] | None = None,
        *,
        tier: str | None = None,
    ) -> None:
        metrics = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE, dimension_set={"environment": self._environment}
        )
        if tier is not None:
            metrics.add_dimensions(environment=self._environment, tier=tier)
        for name, value in values.items():
            metrics.add_metric(name=name.value, unit=UNITS[name], value=value)
        now = self._clock()
        metrics.timestamp = int(now * 1000)
        if facts is not None and self._logger.log_level <= _LEVEL:
            metrics.metadata_set |= {**self._head(message, now), **facts}
        metrics.flush_metrics()

    def _head(self, message: str | None, now: float) -> dict[str, Any]:
        """Return what Powertools' logger puts before the facts of its own lines."""
        return {
            "level": logging.getLevelName(_LEVEL),
            "message": message,
            "timestamp": utc(now).isoformat(timespec="milliseconds"),
            "service": self._service,
        }


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
