"""What the budgets of a call allow before it is routed, and what its caller is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.budgets import Budget, Scope
from shared.domain.budgets.ladder import STEPS, LadderStep, Rung, rungs, used_tenths
from shared.domain.budgets.refusals import ladder_refusal, together
from shared.domain.money import format_usd
from shared.domain.routing import TIERS, Tier
from shared.usecases.holding import Holding

CHEAPEST: Final[Tier] = TIERS[0]
_TOLD_FROM: Final = STEPS.index("warn")


@dataclass(frozen=True)
class Standing:
    """How far the budgets of a call are used up; ``tightest`` is None where nothing is capped."""

    tightest: Rung | None
    facts: Mapping[str, str]

    @property
    def step(self) -> LadderStep:
        """The step of the tightest budget."""
        return self.tightest.step if self.tightest else "normal"

    def check_interactive(self) -> None:
        """Raise ``BudgetExceeded`` where only cached answers are left."""
        if self.tightest is not None and self.step in {"batch_only", "stopped"}:
            served = "answers from the cache"
            if self.step == "batch_only":
                served += " and calls with a deadline"
            raise ladder_refusal(self.tightest, f"Only {served} are served now.")

    def check_deferrable(self) -> None:
        """Raise ``BudgetExceeded`` where not even deferred calls are served."""
        if self.tightest is not None and self.step == "stopped":
            raise ladder_refusal(self.tightest, "Only answers from the cache are served now.")

    @property
    def serves_cheapest_only(self) -> bool:
        """Whether dear models are served no more, not even later."""
        return self.step in {"cheapest", "batch_only"}

    def check_tier(self, model: str, tier: Tier | None) -> None:
        """Raise ``BudgetExceeded`` for a dear model where only the cheapest tier is served."""
        if self.tightest and self.serves_cheapest_only and tier != CHEAPEST:
            raise ladder_refusal(
                self.tightest,
                f"Only the tier {CHEAPEST} is served now, and {model} is not of it: "
                f"ask for {CHEAPEST} or auto.",
            )


class StandingOf:
    """Reads the standing from budgets as they were seen; almost always without another read."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    async def __call__(self, seen: Mapping[Scope, Budget]) -> Standing:
        """Return the standing. Raises ``StoreUnavailable``."""
        budgets = self._holding.today(seen)
        found = rungs(budgets)
        if any(_is_strict(rung) and rung.budget.scope.kind == "environment" for rung in found):
            # One slice may be fuller than the whole: only the whole decides.
            slices = await asyncio.to_thread(self._holding.slices)
            own = [budget for budget in budgets if budget.scope.kind != "environment"]
            found = rungs([together(slices), *own])
        return Standing(found[0] if found else None, _facts(found))


def _is_strict(rung: Rung) -> bool:
    return STEPS.index(rung.step) > _TOLD_FROM


def _facts(found: list[Rung]) -> dict[str, str]:
    facts: dict[str, str] = {}
    if found and STEPS.index(found[0].step) >= _TOLD_FROM:
        tightest = found[0]
        tenths = used_tenths(tightest.counter)
        facts["budget_warning"] = f"{tightest.name} {tenths // 10}.{tenths % 10}% {tightest.step}"
    left = [
        rung.counter.avail
        for rung in found
        if rung.budget.scope.kind != "environment" and rung.budget.may_refuse
    ]
    if left:
        facts["budget_remaining_usd"] = format_usd(max(0, min(left)))
    return facts
