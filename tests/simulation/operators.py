"""An operator who changes caps, raises and freezes while calls go on, as ``sluice budget`` does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.dynamodb.budget_admin import DynamoBudgetAdmin
from shared.domain.budgets.changes import (
    Change,
    Freeze,
    Raise,
    SenselessChange,
    SetTerms,
    Unfreeze,
)
from shared.domain.entries import KeyRow
from shared.domain.errors import StoreUnavailable
from shared.ports.ledger import Ledger
from shared.usecases.budget_admin import Budgets, InTheWay
from tests.simulation.orders import Bounds
from tests.simulation.plans import KEYS, TEAMS
from tests.simulation.schemes import TABLE, HoldingScheme, Process, seeds_of


class KnownTeams(DynamoBudgetAdmin):
    """Knows the teams without their rows."""

    def teams(self) -> list[str]:
        """Return them."""
        return list(TEAMS)


class KnownKeys:
    """The keys of the plans, as a key admin lists them."""

    def create(self, row: KeyRow) -> None:
        """Keys are not made here."""
        raise NotImplementedError

    def revoke(self, key_id: str, at: int) -> KeyRow | None:
        """Nor revoked."""
        raise NotImplementedError

    def list_keys(self, team: str | None) -> list[KeyRow]:
        """Return a team's keys."""
        own = KEYS.get(team or "", ())
        return [KeyRow(f"{team}.{key}", "dev", team or "", key, "k", 0) for key in own]


class Operator:
    """Makes changes, drawn by chance; what is refused or lost is let be."""

    def __init__(self, process: Process, bounds: Bounds, chance: Random, share: float) -> None:
        self._chance = chance
        self._bounds = bounds
        self._environment_share = share
        self._clock = process.clock
        self.budgets = budgets_of(process, bounds, lambda: f"{chance.getrandbits(32):08x}")

    def change(self) -> None:
        """Make one change."""
        name = self._name()
        try:
            self.budgets.change(name, self._drawn(name), "as the simulation wants")
        except (ClientError, BotoCoreError, StoreUnavailable, InTheWay, SenselessChange):
            return

    def _name(self) -> str:
        if self._chance.random() < self._environment_share:
            return "environment"
        team = self._chance.choice(TEAMS)
        keys = [f"key:{team}.{key}" for key in KEYS[team]]
        return self._chance.choice([f"team:{team}", *keys])

    def _drawn(self, name: str) -> Change:
        kind = self._chance.choice(("set", "set", "raise", "raise", "raise", "freeze", "unfreeze"))
        if kind == "set":
            factor = self._chance.choice((0, 1, 1, 2, 3, 4))
            day, month = self._bounds.first_caps((name.partition(":")[0],), whole=True)
            return SetTerms(day=day * factor // 2, month=month * factor // 2)
        if kind == "raise":
            by = self._chance.choice((20, 60, 240) if name == "environment" else (5, 15, 60))
            until = int(self._clock() + self._chance.choice((30, 300, 3_000)))
            return Raise(self._chance.choice(("day", "day", "month")), by, until)
        return Freeze("a leak") if kind == "freeze" else Unfreeze()


def budgets_of(process: Process, bounds: Bounds, new_id: Callable[[], str]) -> Budgets:
    """Return the operator's use case, wired as the command line does."""
    scheme = HoldingScheme(process, bounds)
    ledger: Ledger = scheme.ledger
    client: Any = process.client
    return Budgets(
        ledger=ledger,
        admin=KnownTeams(client, TABLE),
        keys=KnownKeys(),
        seeds=lambda: seeds_of(bounds),
        caller=lambda: "operator",
        clock=process.clock,
        pause=process.pause,
        new_id=new_id,
    )
