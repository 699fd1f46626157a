"""The models of the catalog: who serves them, what they can do, what they cost and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from shared.catalog import files
from shared.catalog.files import CatalogError
from shared.catalog.pricing import SourcedPrice, priced_rows
from shared.catalog.rows import CacheFacts, FamilyRow, ModelRow, ModelsFile, PriceTable
from shared.domain.prices import PriceRow, Variant, price_at
from shared.domain.routing import Tier


@dataclass(frozen=True)
class Capabilities:
    """What a model takes and gives, as its provider documents it.

    ``forced_tools`` says whether a tool choice may force a call. ``max_output_tokens`` is None
    where the provider names no limit. ``default_max_tokens`` is asked for where the caller sets
    none. ``image_tokens`` is the most that one image costs, ``hidden_tokens`` the most that the
    provider adds to a prompt. ``refuses`` names fields of an OpenAI chat request.
    """

    images: bool
    tools: bool
    forced_tools: bool
    json_schema: bool
    context_tokens: int
    max_output_tokens: int | None
    default_max_tokens: int
    image_tokens: int
    hidden_tokens: int
    refuses: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """A model: its provider's id for it, its tier, its abilities and its dated prices."""

    id: str
    provider: str
    tier: Tier | None
    capabilities: Capabilities
    cache: CacheFacts
    retired: date | None
    sourced: tuple[SourcedPrice, ...]
    prices: tuple[PriceRow, ...]

    def price(self, at: datetime, variant: Variant = "standard") -> PriceRow:
        """Return the row in force at an aware time, or raise ``UnpricedModel``."""
        return price_at(self.id, self.prices, at, variant)

    def is_callable(self, at: datetime) -> bool:
        """Say whether the provider serves the model, and at a known price, at an aware time."""
        day = at.astimezone(UTC).date()
        begun = any(row.start <= day for row in self.prices if row.variant == "standard")
        return begun and not self.is_retired(day)

    def is_batch_priced(self, at: datetime) -> bool:
        """Say whether the price of a batch is known at an aware time."""
        day = at.astimezone(UTC).date()
        return any(row.variant == "batch" and row.start <= day for row in self.prices)

    def is_retired(self, day: date) -> bool:
        """Say whether the provider has ceased to serve the model by a UTC day."""
        return self.retired is not None and self.retired <= day

    def blended(self, at: datetime) -> int:
        """Return the price of three prompt tokens and one of output, in picodollars."""
        rates = self.price(at).rates
        return 3 * rates.input + rates.output

    @property
    def checked(self) -> date:
        """The oldest check among the newest rows of each variant."""
        newest: dict[Variant, date] = {}
        for each in self.sourced:
            newest[each.row.variant] = each.row.start
        return min(
            each.checked for each in self.sourced if each.row.start == newest[each.row.variant]
        )


@dataclass(frozen=True)
class Models:
    """Every model that the catalog knows, and when the compiled table was last checked."""

    known: Mapping[str, Model]
    table_checked: date


def load_models() -> Models:
    """Read the models and their prices; raises :class:`CatalogError`."""
    described: ModelsFile = files.read(files.MODELS, ModelsFile)
    table: PriceTable = files.read(files.PRICE_TABLE, PriceTable)
    models = [_model(row, described.families, table) for row in described.models]
    known = {model.id: model for model in models}
    if len(known) != len(models):
        raise CatalogError(f"{files.MODELS}: a model stands there twice")
    return Models(known, table.checked)


def model_rows() -> Sequence[ModelRow]:
    """Return the rows of ``models.toml`` as they stand."""
    described: ModelsFile = files.read(files.MODELS, ModelsFile)
    return described.models


def _model(row: ModelRow, families: Mapping[str, FamilyRow], table: PriceTable) -> Model:
    if row.family not in families:
        raise CatalogError(f"{files.MODELS}: {row.id}: no family {row.family!r}")
    facts = _facts(row, families[row.family])
    sourced = priced_rows(row, facts["long_write_percent"], table)
    return Model(
        id=row.id,
        provider=row.provider,
        tier=row.tier,
        capabilities=_capabilities(row.id, facts),
        cache=_stated(row.id, facts, "cache"),
        retired=row.retired,
        sourced=tuple(sourced),
        prices=tuple(each.row for each in sourced),
    )


def _facts(row: ModelRow, family: FamilyRow) -> dict[str, Any]:
    """Return the family's facts under the model's own."""
    facts = {}
    for name in FamilyRow.__struct_fields__:
        own = getattr(row, name)
        facts[name] = getattr(family, name) if own is None else own
    return facts


def _capabilities(model: str, facts: Mapping[str, Any]) -> Capabilities:
    return Capabilities(
        images=_stated(model, facts, "images"),
        tools=_stated(model, facts, "tools"),
        forced_tools=facts["forced_tools"] is not False,
        json_schema=_stated(model, facts, "json_schema"),
        context_tokens=_stated(model, facts, "context_tokens"),
        max_output_tokens=facts["max_output_tokens"],
        default_max_tokens=_stated(model, facts, "default_max_tokens"),
        image_tokens=_stated(model, facts, "image_tokens") if facts["images"] else 0,
        hidden_tokens=_stated(model, facts, "hidden_tokens"),
        refuses=facts["refuses"] or (),
    )


def _stated(model: str, facts: Mapping[str, Any], name: str) -> Any:
    if facts[name] is None:
        raise CatalogError(f"{files.MODELS}: {model}: neither it nor its family says `{name}`")
    return facts[name]
