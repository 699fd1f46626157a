"""A place for scenes that are played as written: what happens during a call is said beforehand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from shared.usecases.budget_admin import Budgets
from tests.simulation.judge import Judge
from tests.simulation.operators import budgets_of
from tests.simulation.orders import SLICES, Bounds, Order
from tests.simulation.scheduler import Clock
from tests.simulation.schemes import HoldingScheme, Process, Ticket
from tests.simulation.small_dynamo import SmallDynamo
from tests.simulation.world import new_client

Meanwhile = Callable[[], None]
PLENTY = (1_000_000, 1_000_000)


class Stage:
    """Processes on one small DynamoDB, the judge looking on."""

    def __init__(
        self,
        now: float,
        environment: tuple[int, int] = PLENTY,
        in_flight: int | None = None,
        requests: int | None = None,
        tokens: int | None = None,
    ) -> None:
        self.bounds = Bounds(
            environment, PLENTY, PLENTY, frozenset(), 100, in_flight, requests, tokens
        )
        self.clock = Clock(now, ())
        self.service = SmallDynamo()
        self.judge = Judge(self.bounds, self.clock)
        self.client = new_client()
        self.client._make_api_call = self._call
        self._before: list[tuple[str, Meanwhile]] = []
        self._after: list[tuple[str, Meanwhile]] = []
        self.noticed: list[str] = []
        self._numbers = 0
        self._last: tuple[str, dict[str, Any]] = ("", {})

    def process(self, skew: float = 0.0) -> HoldingScheme:
        """Return a process with a clock that is wrong by so many seconds."""
        return HoldingScheme(self._process(skew), self.bounds)

    def operator(self) -> Budgets:
        """Return an operator's work on budgets."""
        return budgets_of(self._process(0.0), self.bounds, lambda: f"{self.clock.now}")

    def _process(self, skew: float) -> Process:
        def clock() -> float:
            return self.clock.now + skew

        return Process(self.client, clock, lambda _: None, _unreported, self.noticed.append)

    def before(self, operation: str, happens: Meanwhile) -> None:
        """Let something happen before the next such call arrives."""
        self._before.append((operation, happens))

    def after(self, operation: str, happens: Meanwhile) -> None:
        """Let something happen after the next such call; what it raises is the call's answer."""
        self._after.append((operation, happens))

    def order(
        self,
        nano: int,
        piece: int = 0,
        team: str = "red",
        cost: int | None = None,
        tokens: int = 0,
    ) -> Order:
        """Return an order that a slice of the environment pays for."""
        while True:
            self._numbers += 1
            order = Order((f"s{self._numbers}", 1), team, team[0] + "a", nano,
                          nano if cost is None else cost, tokens, 500_000.0)  # fmt: skip
            if order.scopes[0][1] == str(piece % SLICES):
                self.judge.orders[order.call] = order
                return order

    def spend(self, nano: int, piece: int, team: str = "red", skew: float = 0.0) -> Ticket:
        """Reserve by a process of its own and let the provider charge all of it."""
        order = self.order(nano, piece, team)
        ticket = self.process(skew).reserve(order)
        self.judge.provider_called(order, ticket.day)
        return ticket

    def lose(self) -> Callable[[], None]:
        """Lose the call that is being made; returns how it arrives after all."""
        operation, asked = self._last

        def arrive() -> None:
            with suppress(ClientError):
                self.service.carry_out(operation, asked)
            self.judge.look(self.service.items())

        return arrive

    def _call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        self._last = (operation, asked)
        _play(self._before, operation)
        answer = self.service.carry_out(operation, asked)
        self.judge.look(self.service.items())
        _play(self._after, operation)
        return answer


def _play(cues: list[tuple[str, Meanwhile]], operation: str) -> None:
    """Play the first cue if it is this operation's."""
    if cues and cues[0][0] == operation:
        cues.pop(0)[1]()


def _unreported(operation: str, code: str) -> None:
    """Let it be: the scene knows what fails."""
