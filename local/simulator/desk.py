"""What every protocol of the simulator works with: clock, prices, books, arrivals, faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from local.simulator.arrivals import Arrivals
from local.simulator.books import Books
from local.simulator.faults import FaultPlan

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


def desk_of(request: Request) -> Desk:
    """Return the desk that :func:`local.simulator.app.build_app` put on the application."""
    return cast("Desk", request.app.state.desk)
