"""Which models a call may go to, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.catalog import Catalog, Model
from shared.clock import Clock, utc
from shared.domain.errors import NoBatchApi, UnpricedModel
from shared.domain.health import Health
from shared.domain.routing import AUTO, TIERS, Tier
from shared.usecases.calls import Call
from shared.usecases.standing import CHEAPEST, Standing

MOST_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Route:
    """The models to try in turn, why, and which of them have failed lately."""

    models: tuple[Model, ...]
    reason: str
    ailing: frozenset[str]


class ModelRouter:
    """Chooses models: a named one as it is, else the cheapest healthy ones of a tier."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock

    def route(self, call: Call, health: Mapping[str, Health], standing: Standing) -> Route:
        """Return the route; raises ``UnknownModel``, or why every candidate rests.

        Where the budget serves the cheapest tier only, ``auto`` and every tier mean that one, and
        a dearer model that was named raises ``BudgetExceeded``.
        """
        candidates, reason = self._candidates(call, standing)
        now = self._clock()
        awake = [m for m in candidates if not health.get(m.id, Health()).is_resting(now)]
        if not awake:
            soonest = min(candidates, key=lambda model: health[model.id].resting_until)
            raise health[soonest.id].refusal(soonest.provider, now)
        if awake[0] is not candidates[0]:
            reason += f"; {candidates[0].id} rests"
        return Route(tuple(awake[:MOST_ATTEMPTS]), reason, frozenset(health))

    def deferred(self, call: Call, standing: Standing) -> Route:
        """Return the models that answer in batches, in the order in which they are tried.

        Health has no part in it: it is another by then. Raises as :meth:`route`,
        ``NoBatchApi`` where no candidate's provider has one, and ``UnpricedModel``.
        """
        candidates, reason = self._candidates(call, standing)
        able = [m for m in candidates if self._catalog.providers[m.provider].batch is not None]
        if not able:
            raise NoBatchApi(candidates[0].id, candidates[0].provider)
        priced = [m for m in able if m.is_batch_priced(utc(call.started_at))]
        if not priced:
            raise UnpricedModel(able[0].id)
        return Route(tuple(priced[:MOST_ATTEMPTS]), reason, frozenset())

    def _candidates(self, call: Call, standing: Standing) -> tuple[list[Model], str]:
        asked = call.request.model
        if standing.serves_cheapest_only and asked in {AUTO, *TIERS}:
            budget = standing.tightest.name if standing.tightest else ""
            return self._of_tier(CHEAPEST, call), f"the budget {budget} serves {CHEAPEST} only"
        if asked == AUTO:
            verdict = self._catalog.routing.decide(call.request.asked(), call.controls.task)
            return self._of_tier(verdict.tier, call), verdict.reason
        for tier in TIERS:
            if asked == tier:
                return self._of_tier(tier, call), f"tier {tier} was asked for"
        model = self._catalog.model(asked, utc(call.started_at))
        standing.check_tier(model.id, model.tier)
        return [model], "this model was asked for"

    def _of_tier(self, tier: Tier, call: Call) -> list[Model]:
        return self._catalog.candidates(tier, utc(call.started_at))
