"""The caps that budgets start with, as a stack's settings state them.

A seed counts when a budget is first used. From then on the ledger holds the cap, and operators
change it with ``sluice budget``: a deployment never undoes what on-call did.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from shared.domain.budgets.budget import NO_CAP, Budget, OnLimit, opened
from shared.domain.budgets.scopes import SLICES, Scope
from shared.domain.money import nano_from_usd


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The caps of one kind of budget, in USD as text; one that is left out is no cap."""

    day_usd: str | None = None
    month_usd: str | None = None
    on_limit: OnLimit = "degrade"

    def __post_init__(self) -> None:
        """Refuse amounts that are not exact in nano-dollars."""
        _ = self.day, self.month

    @property
    def day(self) -> int:
        """The cap of a day in nano-dollars."""
        return NO_CAP if self.day_usd is None else nano_from_usd(self.day_usd)

    @property
    def month(self) -> int:
        """The cap of a month in nano-dollars."""
        return NO_CAP if self.month_usd is None else nano_from_usd(self.month_usd)


class Seeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What each scope starts with: ``team`` and ``key`` are for those that are not named."""

    environment: Seed = Seed()
    team: Seed = Seed()
    key: Seed = Seed()
    teams: dict[str, Seed] = {}

    def opened(self, scope: Scope, day: str, key_id: str | None = None) -> Budget:
        """Return a scope's budget at its first use; the environment's cap is cut into slices."""
        seed = self._of(scope)
        caps = {"day_cap": seed.day, "month_cap": seed.month}
        if scope.kind == "environment":
            caps = {name: sliced(cap, scope.slice) for name, cap in caps.items()}
        fresh = opened(scope, day, **caps)
        return replace(fresh, on_limit=seed.on_limit, key_id=key_id)

    def _of(self, scope: Scope) -> Seed:
        if scope.kind == "environment":
            return self.environment
        return self.teams.get(scope.team, self.team) if scope.kind == "team" else self.key


def sliced(cap: int, number: int) -> int:
    """Return one slice's part of a cap; the parts add up. Each slice of no cap has none."""
    if cap >= NO_CAP:
        return NO_CAP
    return cap // SLICES + (cap % SLICES if number == 0 else 0)
