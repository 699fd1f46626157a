"""The names and units of every metric: the emitter, the alarms and the dashboard share them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

NAMESPACE: Final = "Sluice"


class Meter(StrEnum):
    """A metric's name. Money is in nano-dollars, so sums stay exact."""

    REQUESTS = "Requests"
    REFUSALS = "Refusals"
    FAILURES = "Failures"
    CACHE_HITS = "CacheHits"
    CACHE_MISSES = "CacheMisses"
    COST = "CostNanoUsd"
    BASELINE = "BaselineNanoUsd"
    SAVED = "SavedNanoUsd"
    DOUBT = "DoubtNanoUsd"
    LATENCY = "Latency"
    STORE_ERRORS = "StoreErrors"


UNITS: Final = {
    Meter.REQUESTS: "Count",
    Meter.REFUSALS: "Count",
    Meter.FAILURES: "Count",
    Meter.CACHE_HITS: "Count",
    Meter.CACHE_MISSES: "Count",
    Meter.COST: "None",
    Meter.BASELINE: "None",
    Meter.SAVED: "None",
    Meter.DOUBT: "None",
    Meter.LATENCY: "Milliseconds",
    Meter.STORE_ERRORS: "Count",
}
