"""Facts as data: models and prices, providers, routing, freshness, in TOML beside this file.

:func:`load` checks the files against closed shapes and compiles them into the domain's types.
A misspelt or missing row is an error that names the file and the row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any, Literal

import msgspec

from shared.domain.errors import UnknownModel
from shared.domain.freshness import FreshnessPolicy
from shared.domain.money import rate_from_usd_per_million
from shared.domain.prices import LongPrompt, PriceRow, Rates, price_on
from shared.domain.routing import LanguageCues, RoutingPolicy, Signals, Tier, compile_cue

ANSWER_FILES = ("models.toml", "providers.toml", "routing.toml")
"""The files that decide which model answers: together they make the policy version."""


class _Row(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The root of the shapes of TOML rows: closed."""


class _Rates(_Row):
    input: str
    cache_read: str
    cache_write: str
    output: str


class _Above(_Rates):
    prompt_tokens: int


class _Price(_Rates):
    start: date
    source: str
    checked: date
    above: list[_Above] = []


class _Model(_Row):
    id: str
    provider: str
    prices: list[_Price]
    tier: Tier | None = None


class Provider(_Row):
    """How to reach a provider; the fields are explained in ``providers.toml``."""

    base_url: str
    protocol: Literal["openai-chat"]
    output_limit: str
    reasoning: Literal["inside", "outside"]
    key_variable: str
    source: str
    checked: date
    pins: dict[str, str] = {}
    name: str = ""


class _Cues(_Row):
    whole_words: bool
    phrases: list[str]


class _Ttl(_Row):
    ttl_seconds: int


class _Frequent(_Ttl):
    repeats: int
    memory_seconds: int


class _FreshnessTiers(_Row):
    default: _Ttl
    frequent: _Frequent
    realtime: _Ttl


class _Freshness(_Row):
    tiers: _FreshnessTiers
    cues: dict[str, _Cues]


class _Routing(_Row):
    thresholds: dict[Literal["mid", "frontier"], int]
    base: dict[Literal["points"], int]
    tasks: dict[str, int]
    signals: Signals
    words: dict[Literal["characters_per_cjk_word"], int]
    cues: dict[Literal["hard", "easy"], dict[str, _Cues]]


@dataclass(frozen=True)
class Model:
    """A model that can be called: where, in which tier, at which dated prices."""

    id: str
    provider: str
    tier: Tier | None
    prices: tuple[PriceRow, ...]

    def price(self, day: date) -> PriceRow:
        """Return the price in force on a day, or raise ``UnpricedModel``."""
        return price_on(day, self.id, self.prices)


@dataclass(frozen=True)
class Catalog:
    """The facts of one deployment.

    ``priced`` holds every model that the catalog knows, ``models`` those that may be called
    because their provider is enabled here.
    """

    priced: Mapping[str, Model]
    models: Mapping[str, Model]
    providers: Mapping[str, Provider]
    routing: RoutingPolicy
    freshness: FreshnessPolicy
    price_version: str

    def model(self, model_id: str) -> Model:
        """Return an enabled model; raises :class:`UnknownModel`."""
        if model_id not in self.models:
            raise UnknownModel(model_id)
        return self.models[model_id]

    def candidates(self, tier: Tier, day: date) -> list[Model]:
        """Return a tier's enabled models, cheapest first at three prompt tokens to one of output.

        Raises :class:`UnknownModel` for a tier without any.
        """
        found = [model for model in self.models.values() if model.tier == tier]
        if not found:
            raise UnknownModel(tier)
        return sorted(found, key=lambda model: (_blend(model, day), model.id))

    def cheapest(self, tier: Tier, day: date) -> Model:
        """Return the first of a tier's candidates."""
        return self.candidates(tier, day)[0]


class CatalogError(ValueError):
    """A TOML file of the catalog that does not fit its shape; names the file and the row."""


def load(enabled: Iterable[str]) -> Catalog:
    """Read the catalog for the enabled providers; raises :class:`CatalogError`."""
    providers = _providers()
    chosen = {name: _known(providers, name) for name in enabled}
    priced = {row.id: _model(row) for row in _models()}
    for model in priced.values():
        _known(providers, model.provider)
    return Catalog(
        priced=priced,
        models={name: model for name, model in priced.items() if model.provider in chosen},
        providers=chosen,
        routing=_routing(_read("routing.toml", _Routing)),
        freshness=_freshness(_read("freshness.toml", _Freshness)),
        price_version=_digest(["models.toml"]),
    )


def policy_version() -> str:
    """Return a short digest of the files that decide which model answers."""
    return _digest(ANSWER_FILES)


def known_providers() -> set[str]:
    """Return the names of the providers that the catalog describes."""
    return set(_providers())


def known_models() -> set[str]:
    """Return the ids of the models that the catalog prices."""
    return {row.id for row in _models()}


def provider_key_variables() -> dict[str, str]:
    """Return, for each provider, the environment variable that customarily holds its key."""
    return {name: provider.key_variable for name, provider in _providers().items()}


def _providers() -> dict[str, Provider]:
    rows = _read("providers.toml", dict[str, Provider])
    return {name: msgspec.structs.replace(row, name=name) for name, row in rows.items()}


def _models() -> list[_Model]:
    rows: list[_Model] = _read("models.toml", dict[Literal["models"], list[_Model]])["models"]
    return rows


def _known(providers: Mapping[str, Provider], name: str) -> Provider:
    if name not in providers:
        raise CatalogError(f"no provider named {name!r} in providers.toml")
    return providers[name]


def _digest(files: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in files:
        digest.update(_bytes(name))
    return digest.hexdigest()[:12]


def _bytes(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


def _read(name: str, shape: Any) -> Any:
    try:
        return msgspec.toml.decode(_bytes(name), type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CatalogError(f"{name}: {error}") from error


def _model(row: _Model) -> Model:
    return Model(row.id, row.provider, row.tier, tuple(_price(price) for price in row.prices))


def _price(row: _Price) -> PriceRow:
    steps = tuple(LongPrompt(step.prompt_tokens, _rates(step)) for step in row.above)
    return PriceRow(row.start, _rates(row), steps)


def _rates(row: _Rates) -> Rates:
    return Rates(
        input=rate_from_usd_per_million(row.input),
        cache_read=rate_from_usd_per_million(row.cache_read),
        cache_write=rate_from_usd_per_million(row.cache_write),
        output=rate_from_usd_per_million(row.output),
    )


def _blend(model: Model, day: date) -> int:
    rates = model.price(day).rates
    return 3 * rates.input + rates.output


def _routing(row: _Routing) -> RoutingPolicy:
    return RoutingPolicy(
        mid_from=row.thresholds["mid"],
        frontier_from=row.thresholds["frontier"],
        base=row.base["points"],
        tasks=row.tasks,
        signals=row.signals,
        characters_per_cjk_word=row.words["characters_per_cjk_word"],
        hard_cues=_cues(row.cues["hard"]),
        easy_cues=_cues(row.cues["easy"]),
    )


def _cues(languages: Mapping[str, _Cues]) -> tuple[LanguageCues, ...]:
    return tuple(
        tuple(compile_cue(phrase, whole_words=cues.whole_words) for phrase in cues.phrases)
        for cues in languages.values()
    )


def _freshness(row: _Freshness) -> FreshnessPolicy:
    return FreshnessPolicy(
        default_ttl=row.tiers.default.ttl_seconds,
        frequent_ttl=row.tiers.frequent.ttl_seconds,
        frequent_repeats=row.tiers.frequent.repeats,
        memory_seconds=row.tiers.frequent.memory_seconds,
        realtime_ttl=row.tiers.realtime.ttl_seconds,
        cues=tuple(
            compile_cue("|".join(cues.phrases), whole_words=cues.whole_words)
            for cues in row.cues.values()
        ),
    )
