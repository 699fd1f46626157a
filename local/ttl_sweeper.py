"""Deletes expired rows, as DynamoDB's time to live does, on the world's clock.

DynamoDB takes up to days; here the delay is a setting and 0 unless set. Readers must check
expiry on their own all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx2

from local.aws import EXPIRY_PATH
from local.declared import ExpiringTable
from local.loopback import TRUSTS_NOBODY
from shared.clock import Clock

SWEEP_SECONDS = 10.0
"""Between two sweeps of a world whose clock nobody moves; who moves it sweeps."""


def _client() -> httpx2.Client:
    # No connection is kept, so that there is none to close.
    limits = httpx2.Limits(max_keepalive_connections=0)
    return httpx2.Client(trust_env=False, verify=TRUSTS_NOBODY, timeout=60, limits=limits)


@dataclass
class TtlSweeper:
    """Sweeps the tables whose TTL is on, at the local AWS behind ``url``.

    ``delay_seconds`` is how late a deletion is.
    """

    url: str
    tables: Sequence[ExpiringTable]
    clock: Clock
    report: Callable[[str], None]
    delay_seconds: float = 0.0
    _http: httpx2.Client = field(default_factory=_client)

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                await asyncio.to_thread(self.sweep)
            except httpx2.HTTPError as error:
                self.report(f"TTL sweep failed: {error!r}")
            await asyncio.sleep(SWEEP_SECONDS)

    def sweep(self) -> int:
        """Delete what has expired now and return how many rows that was."""
        before = int(self.clock() - self.delay_seconds)
        return sum(self._sweep_table(table, before) for table in self.tables)

    def _sweep_table(self, table: ExpiringTable, before: int) -> int:
        query: dict[str, str | int] = {
            "table": table.name,
            "attribute": table.attribute,
            "before": before,
        }
        answer = self._http.get(self.url + EXPIRY_PATH, params=query, timeout=30)
        return int(answer.raise_for_status().json()["deleted"])
