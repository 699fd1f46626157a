"""What every protocol works with: clock, prices, books, arrivals, faults, caches, batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from local.simulator.arrivals import Arrivals
from local.simulator.batches.creates import Creates
from local.simulator.batches.floor import Floor
from local.simulator.batches.register import Register
from local.simulator.books import Books
from local.simulator.faults import FaultPlan
from local.simulator.prompt_cache.shelf import Shelf

if TYPE_CHECKING:
    from starlette.requests import Request

    from local.simulator.anthropic_batches.batch import MessageBatch
    from local.simulator.clock import FileClock
    from local.simulator.openai_batches.batch import Batch
    from local.simulator.openai_batches.files import StoredFile
    from local.simulator.prices import PriceList


CREATES_AN_HOUR = 2_000
"""OpenAI's limit on batches."""


@dataclass(frozen=True)
class Desk:
    """One simulator's state; it ends with the process.

    ``batch_speedup`` divides the time that batches take, but not the time in which they expire.
    """

    clock: FileClock
    prices: PriceList
    batch_speedup: float = 1
    books: Books = field(default_factory=Books)
    arrivals: Arrivals = field(default_factory=Arrivals)
    faults: FaultPlan = field(default_factory=FaultPlan)
    shelf: Shelf = field(default_factory=Shelf)
    files: Register[StoredFile] = field(default_factory=Register)
    batches: Register[Batch] = field(default_factory=Register)
    message_batches: Register[MessageBatch] = field(default_factory=Register)
    creates: Creates = field(default_factory=lambda: Creates(CREATES_AN_HOUR))
    floor: Floor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "floor", Floor(self.clock))

    async def arrival(self, request: Request) -> tuple[float, bytes]:
        """Note a request; return the epoch second of its arrival and its body."""
        at = self.clock.now()
        raw = await request.body()
        self.note(request, at, raw)
        return at, raw

    def note(self, request: Request, at: float, body: bytes) -> None:
        """Remember a request with ``body``, or what stands for one that is too long to keep."""
        headers = request.headers.items()
        self.arrivals.note(at, request.method, request.url.path, headers, body)

    def reset(self) -> None:
        """Empty everything."""
        for part in (self.books, self.arrivals, self.faults, self.shelf, self.creates):
            part.reset()
        for register in (self.files, self.batches, self.message_batches):
            register.reset()
        self.floor.reset()


def desk_of(request: Request) -> Desk:
    """Return the desk that :func:`local.simulator.app.build_app` put on the application."""
    return cast("Desk", request.app.state.desk)
