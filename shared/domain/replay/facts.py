"""What a replay must know of models and policies; the catalog answers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.formats import UsageDialect
from shared.domain.freshness import FreshnessPolicy
from shared.domain.prices import PriceRow, Variant
from shared.domain.replay.calls import LoggedCall
from shared.domain.replay.reading import Body
from shared.domain.routing import RoutingPolicy, Tier


class CacheRule(Protocol):
    """How a model's prompt cache is asked for, and the shortest prefix in tokens it keeps."""

    @property
    def style(self) -> str:
        """One of ``anthropic``, ``openai-explicit``, ``automatic`` and ``none``."""

    @property
    def min_tokens(self) -> int:
        """Shorter prefixes are not kept."""


class PricedModel(Protocol):
    """A model, dead or alive."""

    @property
    def id(self) -> str:
        """Its name in the catalog."""

    @property
    def tier(self) -> Tier | None:
        """Its tier, where it has one."""

    @property
    def cache(self) -> CacheRule:
        """Its prompt cache."""

    def price(self, at: datetime, variant: Variant = "standard") -> PriceRow:
        """Return the row in force, or raise ``UnpricedModel``."""


class Facts(Protocol):
    """The gateway that is tried on the log."""

    @property
    def routing(self) -> RoutingPolicy:
        """How ``auto`` is decided."""

    @property
    def freshness(self) -> FreshnessPolicy:
        """How long answers last."""

    def model(self, name: str) -> PricedModel:
        """Return the model that a log means by a name; raises ``UnknownModel``."""

    def dialect(self, model: PricedModel) -> UsageDialect:
        """Return how the model's provider reports usage."""

    def candidates(self, tier: Tier) -> Sequence[PricedModel]:
        """Return the models of a tier that may be called, cheapest first."""

    def sent(self, call: LoggedCall, model: PricedModel) -> Body:
        """Return the request as the gateway would send it; raises ``InvalidRequest``."""
