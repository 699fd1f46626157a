"""Translates what the clock says into a round of the collector."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from shared.settings import worker_settings
from shared.wiring.workers import Worker, build_worker

_SPARE_SECONDS: Final = 60.0
"""What is left when no further line is begun: for the lines under way, and for writing down how far
it came."""


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Do what is due. Raises what keeps it from being done, so that Lambda counts an error."""
    if event.get("run") != "collect":
        return {"ignored": True}
    worker = _built()
    until = worker.clock() + context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
    worker.machinery.tick(until)
    return {"collected": True}


@cache
def _built() -> Worker:
    return build_worker(worker_settings(), "collector")
