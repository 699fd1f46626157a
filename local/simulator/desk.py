"""What every protocol works with: clock, prices, books, arrivals, faults, prompt caches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from local.simulator.arrivals import Arrivals
from local.simulator.books import Books
from local.simulator.faults import FaultPlan
from local.simulator.prompt_cache.shelf import Shelf

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.clock import FileClock
    from local.simulator.prices import PriceList


@dataclass(frozen=True)
class Desk:
    """One simulator's state; it lives in memory and ends with the process."""

    clock: FileClock
    prices: PriceList
    books: Books = field(default_factory=Books)
    arrivals: Arrivals = field(default_factory=Arrivals)
    faults: FaultPlan = field(default_factory=FaultPlan)
    shelf: Shelf = field(default_factory=Shelf)

    async def arrival(self, request: Request) -> tuple[float, bytes]:
        """Note a request; return the epoch second of its arrival and its body."""
        at = self.clock.now()
        raw = await request.body()
        headers = request.headers.items()
        self.arrivals.note(at, request.method, request.url.path, headers, raw)
        return at, raw


def desk_of(request: Request) -> Desk:
    """Return the desk that :func:`local.simulator.app.build_app` put on the application."""
    return cast("Desk", request.app.state.desk)
