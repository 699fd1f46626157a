"""What a call cost, what it would have cost, and which levers made the difference."""

from __future__ import annotations

from shared.catalog import Catalog
from shared.clock import utc
from shared.domain import savings
from shared.domain.entries import Entry
from shared.domain.prices import PriceRow, TokenCounts, Variant
from shared.domain.routing import AUTO, TIERS
from shared.domain.savings import Saving


class Pricing:
    """Prices entries by the rates in force when they were opened; raises ``UnpricedModel``."""

    def __init__(self, catalog: Catalog, baseline_model: str) -> None:
        self._catalog = catalog
        self._baseline_model = baseline_model

    def check(self, entry: Entry) -> None:
        """Raise ``UnpricedModel`` now rather than after a provider has been paid."""
        self.answered(entry, TokenCounts())

    def answered(self, entry: Entry, tokens: TokenCounts) -> Saving:
        """Return the saving of an answer that a provider gave."""
        prices = savings.Prices(
            asked=self._price(self._asked(entry), entry),
            routed=self._price(_routed(entry), entry),
            answered=self._price(entry.model, entry),
            billed=self._price(entry.model, entry, entry.variant),
        )
        return savings.of_answer(prices, tokens)

    def hit(self, entry: Entry, tokens: TokenCounts) -> Saving:
        """Return the saving of a stored answer."""
        asked = self._price(self._asked(entry), entry)
        return savings.of_hit(asked, self._price(entry.model, entry), tokens)

    def charged(self, entry: Entry, tokens: TokenCounts) -> Saving:
        """Return what an attempt cost that brought no answer: no lever counts."""
        return savings.of_charge(self._price(entry.model, entry, entry.variant).cost(tokens))

    def _asked(self, entry: Entry) -> str:
        """Return the model that was asked for, as :mod:`shared.domain.savings` understands it."""
        model = entry.requested_model
        if model == AUTO:
            return self._baseline_model
        return _routed(entry) if model in TIERS else model

    def _price(self, model: str, entry: Entry, variant: Variant = "standard") -> PriceRow:
        return self._catalog.priced[model].price(utc(entry.opened_at), variant)


def _routed(entry: Entry) -> str:
    return entry.routed_model or entry.model
