"""What a request costs us at AWS: an estimate beside the provider's bill, never part of a sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.money import nano_from_pico

Unit = Literal[
    "lambda_gb_second",
    "lambda_request",
    "api_request",
    "write_unit",
    "read_unit",
    "log_byte",
    "queue_request",
]
Path = Literal["hit", "miss", "uncached", "deferred", "batch_line"]

_MB_MILLISECONDS_PER_GB_SECOND: Final = 1024 * 1000


@dataclass(frozen=True)
class Work:
    """What a request of one path asks of AWS beside the time that it takes.

    ``calls`` are those of the API, each of which runs a function; ``busy_ms`` is the share of other
    functions' time.
    """

    read_units: int
    write_units: int
    log_bytes: int
    calls: int = 1
    queue_requests: int = 0
    busy_ms: int = 0


@dataclass(frozen=True)
class OwnCost:
    """Rates in picodollars per unit, and the work of each path."""

    rates: Mapping[Unit, int]
    works: Mapping[Path, Work]

    def nano(self, path: Path, *, milliseconds: int, memory_mb: int) -> int:
        """Return the nano-dollars of a request, rounded up once.

        A function is billed for all the time that it waits for a provider.
        """
        rates, work = self.rates, self.works[path]
        busy = (milliseconds + work.busy_ms) * memory_mb * rates["lambda_gb_second"]
        return nano_from_pico(
            -(-busy // _MB_MILLISECONDS_PER_GB_SECOND)
            + work.calls * (rates["lambda_request"] + rates["api_request"])
            + work.queue_requests * rates["queue_request"]
            + work.write_units * rates["write_unit"]
            + work.read_units * rates["read_unit"]
            + work.log_bytes * rates["log_byte"]
        )
