"""Log lines and metrics by Powertools: per request one log line and one merged EMF line.

A log line holds the allow-listed facts below and nothing else: never a prompt, an answer or a
key. Metrics have the dimension sets ``{environment}``, which alarms watch, and
``{environment, tier}``.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from shared.clock import Clock
from shared.domain.entries import Entry, Settlement
from shared.meters import NAMESPACE, UNITS
from shared.meters import Meter as Name


class PowertoolsMeter:
    """Implements :class:`shared.ports.Meter` on standard output, where Lambda reads both."""

    def __init__(self, environment: str, clock: Clock, *, service: str) -> None:
        self._environment = environment
        self._clock = clock
        self._logger = Logger(service=service)

    def settled(self, entry: Entry, settlement: Settlement, seconds: float) -> None:
        """Log the request's facts and emit its metrics."""
        self._logger.info(
            "request",
            request_id=entry.request_id,
            team=entry.team,
            key_id=entry.key_id,
            door=entry.door,
            feature=entry.feature,
            task=entry.task,
            requested_model=entry.requested_model,
            model=entry.model,
            provider=entry.provider,
            tier=entry.tier,
            route_reason=entry.route_reason,
            stream=entry.stream,
            cache=entry.cache,
            outcome=settlement.outcome,
            finish_reason=settlement.finish_reason,
            usage_source=settlement.usage_source,
            tokens_prompt=settlement.tokens.prompt,
            tokens_output=settlement.tokens.output,
            cost_nano=settlement.cost_nano,
            baseline_nano=settlement.baseline_nano,
            saved_nano=settlement.saved_nano,
            price_version=entry.price_version,
            milliseconds=round(seconds * 1000),
        )
        in_doubt = settlement.usage_source == "estimated"
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
                Name.LATENCY: round(seconds * 1000),
            },
            tier=entry.tier,
        )

    def refused(self, request_id: str, door: str, status: int, code: str | None) -> None:
        """Log the refusal and count it."""
        self._logger.info("refused", request_id=request_id, door=door, status=status, code=code)
        self._emit({Name.REQUESTS: 1, Name.REFUSALS: 1})

    def trouble(self, what: str, **facts: Any) -> None:
        """Log a trouble as an error."""
        self._logger.error(what, **facts)
        if what == "store":
            self._emit({Name.STORE_ERRORS: 1})

    def _emit(self, values: dict[Name, int], *, tier: str | None = None) -> None:
        metrics = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE, dimension_set={"environment": self._environment}
        )
        if tier is not None:
            metrics.add_dimensions(environment=self._environment, tier=tier)
        for name, value in values.items():
            metrics.add_metric(name=name.value, unit=UNITS[name], value=value)
        metrics.timestamp = int(self._clock() * 1000)
        metrics.flush_metrics()
