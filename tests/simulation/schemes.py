"""How a scheme of holds is driven: what callers, sweepers and operators do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets import Budget, Hold, OpenHold, Position, Step
from shared.domain.budgets.movements import Ending
from shared.domain.budgets.seeds import Seed, Seeds
from shared.domain.entries import Entry, KeyRow, Settlement
from shared.domain.money import format_usd
from shared.domain.prices import TokenCounts
from shared.usecases.holding import Holding, HoldPolicy, Wanted
from tests.simulation.orders import Bounds, Order

TABLE = "ledger"


@dataclass(frozen=True)
class Ticket:
    """What a granted reservation is worth: the day that it was booked into, and the rest."""

    day: str
    opened: Any


class Scheme(Protocol):
    """Reserves, settles and sweeps for one process; raises what a caller would be told."""

    def reserve(self, order: Order) -> Ticket:
        """Hold the money of an order."""

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Settle it at its cost."""

    def sweep(self, team: str) -> None:
        """Deal with the team's holds whose time is over."""


@dataclass(frozen=True)
class Process:
    """What a process has of its own: a client, a clock with its skew, and a way to pause."""

    client: Any
    clock: Callable[[], float]
    pause: Callable[[float], None]
    report: Callable[[str, str], None]
    notice: Callable[[str], None] = lambda _: None
    """Told what came to pass, so that a test can tell what the seeds have been through."""


class WatchedLedger(DynamoLedger):
    """The ledger of the house, telling what it carried out."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.client, TABLE, process.report)
        self._notice = process.notice

    def take_step(self, budget: Budget, step: Step) -> Budget:
        """Notice the step."""
        self._notice(type(step).__name__)
        return super().take_step(budget, step)

    def move_room(self, into: Budget, donors: Sequence[tuple[Budget, int, int]]) -> bool:
        """Notice that room was moved."""
        return self._noticed("move_room", super().move_room(into, donors))

    def recut(self, seen: Sequence[Budget], after: Sequence[Budget]) -> bool:
        """Notice that slices were cut anew."""
        return self._noticed("recut", super().recut(seen, after))

    def end(
        self,
        hold: Hold,
        settlement: Settlement | None,
        ending: Ending,
        position: Position,
        late_at: float | None = None,
    ) -> Position | None:
        """Notice the ending."""
        found = super().end(hold, settlement, ending, position, late_at)
        self._noticed(ending.name, found is None)
        return found

    def _noticed(self, what: str, is_done: bool) -> bool:
        if is_done:
            self._notice(what)
        return is_done


class HoldingScheme:
    """The scheme of the house, driven through its own use case."""

    def __init__(self, process: Process, bounds: Bounds) -> None:
        self._process = process
        self.ledger = WatchedLedger(process)
        limits = KeyLimits(bounds.requests, bounds.tokens, bounds.in_flight)
        policy = HoldPolicy(seeds_of(bounds), bounds.share_percent, limits)
        self.holding = Holding(self.ledger, process.clock, policy, process.pause, lambda: 0.5)

    def reserve(self, order: Order) -> Ticket:
        """Hold the money."""
        now = self._process.clock()
        entry = _entry(order, now)
        key = KeyRow(_key_id(order), "dev", order.team, order.digest, "k", 0)
        wanted = Wanted(entry, key, order.nano, expires_at=int(now + order.lasts))
        opened = self.holding.reserve(wanted, None)
        return Ticket(opened.hold.day, opened)

    def settle(self, order: Order, ticket: Ticket) -> None:
        """Settle at the real cost."""
        tokens = TokenCounts(output=order.tokens)
        settlement = Settlement("answered", tokens, "provider", order.cost, order.cost)
        opened: OpenHold = ticket.opened
        self.holding.settle(opened, settlement)

    def sweep(self, team: str) -> None:
        """Charge what has expired."""
        for hold in self.holding.expired(team):
            self.holding.expire(hold)


def seeds_of(bounds: Bounds) -> Seeds:
    """Return what budgets begin with, as a deployment's settings say it."""

    def seed(kind: str, day: int, month: int) -> Seed:
        on_limit: Any = "warn" if kind in bounds.warned else "degrade"
        return Seed(day_usd=format_usd(day), month_usd=format_usd(month), on_limit=on_limit)

    return Seeds(
        environment=seed("environment", *bounds.environment),
        team=seed("team", *bounds.team),
        key=seed("key", *bounds.key),
    )


def _key_id(order: Order) -> str:
    return f"{order.team}.{order.digest}"


def _entry(order: Order, now: float) -> Entry:
    request_id, attempt = order.call
    return Entry(
        request_id=request_id,
        opened_at=now,
        team=order.team,
        key_id=_key_id(order),
        door="chat",
        requested_model="auto",
        model="m",
        provider="p",
        tier="nano",
        price_version="v",
        stream=False,
        cache="miss",
        attempt=attempt,
    )
