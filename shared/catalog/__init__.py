"""Facts as data: models and prices, providers, routing, freshness, in files beside this one.

:func:`load` checks the files against closed shapes and compiles them into the domain's types.
A misspelt or missing row is an error that names the file and the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from shared.catalog import files
from shared.catalog.files import CatalogError
from shared.catalog.models import Capabilities, Model, Models, load_models, model_rows
from shared.catalog.policies import load_freshness, load_routing
from shared.catalog.providers import Provider, load_providers
from shared.catalog.rows import CacheFacts
from shared.domain.errors import UnknownModel
from shared.domain.freshness import FreshnessPolicy
from shared.domain.prices import PriceBook
from shared.domain.routing import RoutingPolicy, Tier

__all__ = [
    "ANSWER_FILES",
    "PRICE_FILES",
    "CacheFacts",
    "Capabilities",
    "Catalog",
    "CatalogError",
    "Model",
    "Provider",
    "known_models",
    "known_providers",
    "load",
    "models_called_as_role",
    "policy_version",
    "provider_key_variables",
    "providers_with_keys",
    "served_providers",
]

SERVED_PROTOCOLS = ("openai-chat", "anthropic-messages", "bedrock-converse")
"""The protocols that the router speaks: ``shared.wiring`` has an upstream for each."""

PRICE_FILES = (files.MODELS, files.PRICE_TABLE)
"""The files that decide what an answer costs: together they make the price version."""
ANSWER_FILES = (*PRICE_FILES, files.PROVIDERS, files.ROUTING)
"""The files that decide which model answers: together they make the policy version."""


@dataclass(frozen=True)
class Catalog:
    """The facts of one deployment.

    ``priced`` holds every model that the catalog knows, ``models`` those that may be called:
    their provider is enabled here and had not retired them when the prices were last checked.
    """

    priced: Mapping[str, Model]
    models: Mapping[str, Model]
    providers: Mapping[str, Provider]
    routing: RoutingPolicy
    freshness: FreshnessPolicy
    price_version: str
    prices_checked: date
    """The oldest check of a price among ``models``."""

    @property
    def price_book(self) -> PriceBook:
        """The prices of every model that the catalog knows."""
        return PriceBook({model.id: model.prices for model in self.priced.values()})

    def price_age_days(self, at: datetime) -> int:
        """Return how many days ago, at an aware time, the oldest price was checked."""
        return (at.astimezone(UTC).date() - self.prices_checked).days

    def model(self, model_id: str, at: datetime | None = None) -> Model:
        """Return a model that may be called, at an aware time where one is given.

        Raises :class:`UnknownModel` for one that is not enabled, or retired by then.
        """
        model = self.models.get(model_id)
        if model is None or (at is not None and model.is_retired(at.astimezone(UTC).date())):
            raise UnknownModel(model_id)
        return model

    def candidates(self, tier: Tier, at: datetime) -> list[Model]:
        """Return the models of a tier that may be called at an aware time, cheapest first.

        They are compared by three prompt tokens and one of output, then by name. Raises
        :class:`UnknownModel` where there is none.
        """
        found = [m for m in self.models.values() if m.tier == tier and m.is_callable(at)]
        if not found:
            raise UnknownModel(tier)
        return sorted(found, key=lambda model: (model.blended(at), model.id))

    def cheapest(self, tier: Tier, at: datetime) -> Model:
        """Return the first of :meth:`candidates`."""
        return self.candidates(tier, at)[0]


def load(enabled: Iterable[str]) -> Catalog:
    """Read the catalog for the enabled providers; raises :class:`CatalogError`."""
    providers = load_providers()
    chosen = {name: _known(providers, name) for name in enabled}
    models = load_models()
    for model in models.known.values():
        _known(providers, model.provider)
    callable_models = _callable(models, chosen)
    return Catalog(
        priced=models.known,
        models=callable_models,
        providers=chosen,
        routing=load_routing(),
        freshness=load_freshness(),
        price_version=files.digest(PRICE_FILES),
        prices_checked=min(
            (model.checked for model in callable_models.values()), default=models.table_checked
        ),
    )


def policy_version() -> str:
    """Return a short digest of the files that decide which model answers."""
    return files.digest(ANSWER_FILES)


def known_providers() -> set[str]:
    """Return the names of the providers that the catalog describes."""
    return set(load_providers())


def served_providers() -> set[str]:
    """Return the names of the providers whose protocol the router speaks."""
    rows = load_providers()
    return {name for name, row in rows.items() if row.protocol in SERVED_PROTOCOLS}


def providers_with_keys() -> set[str]:
    """Return the names of the providers whose calls carry an API key."""
    return {name for name, row in load_providers().items() if row.has_key}


def models_called_as_role(enabled: Iterable[str]) -> list[str]:
    """Return the ids of the models, of the enabled providers, that are called without a key."""
    with_keys = providers_with_keys()
    return sorted(load(name for name in enabled if name not in with_keys).models)


def known_models() -> set[str]:
    """Return the ids of the models that the catalog prices."""
    return {row.id for row in model_rows()}


def provider_key_variables() -> dict[str, str]:
    """Return, for each provider with a key, the environment variable that customarily holds it."""
    return {
        name: provider.key_variable
        for name, provider in load_providers().items()
        if provider.key_variable is not None
    }


def _callable(models: Models, enabled: Mapping[str, Provider]) -> dict[str, Model]:
    return {
        name: model
        for name, model in models.known.items()
        if model.provider in enabled and not model.is_retired(models.table_checked)
    }


def _known(providers: Mapping[str, Provider], name: str) -> Provider:
    if name not in providers:
        raise CatalogError(f"no provider named {name!r} in {files.PROVIDERS}")
    return providers[name]
