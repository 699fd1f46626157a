"""The shapes of the rows in ``models.toml`` and ``compiled_prices.json``: closed.

Amounts are USD per million tokens as text where a person writes them, and whole picodollars per
token where the compiler does; the two shapes share their fields but never their type.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from shared.domain.prices import Variant
from shared.domain.routing import Tier

Amount = TypeVar("Amount", str, int)
Pico = Annotated[int, msgspec.Meta(ge=0)]
Percent = Annotated[int, msgspec.Meta(ge=1)]
Tokens = Annotated[int, msgspec.Meta(ge=1)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CacheStyle = Literal["anthropic", "openai-explicit", "automatic", "none"]


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """The root of the shapes of rows."""


class RateFields(Row, Generic[Amount]):
    """A rate for each class of tokens; what is absent follows the rule in ``models.toml``."""

    input: Amount
    output: Amount
    cache_read: Amount | None = None
    cache_write: Amount | None = None
    cache_write_long: Amount | None = None


class StepFields(RateFields[Amount], Generic[Amount]):
    """Rates of a long prompt: ``over`` so many tokens, or ``from`` so many on."""

    over: Tokens | None = None
    at_least: Tokens | None = msgspec.field(default=None, name="from")

    def __post_init__(self) -> None:
        """Refuse a step without exactly one bound."""
        if (self.over is None) == (self.at_least is None):
            raise ValueError("a long-prompt step has either `over` or `from`")


class PeakFields(Row):
    """Peak hours in UTC, as ``"01:00-04:00"``; the last minute named is outside."""

    hours: list[str]
    weekdays: list[Weekday]
    off_days: list[date] = []


class WrittenPrice(RateFields[str], kw_only=True):
    """A dated row that a person wrote."""

    start: date
    source: str
    checked: date
    variant: Variant = "standard"
    long: list[StepFields[str]] = []
    peak: PeakFields | None = None


class CompiledPrice(RateFields[Pico]):
    """A row that the compiler wrote; no ``start`` means: from the model's release on."""

    start: date | None = None
    variant: Variant = "standard"
    long: list[StepFields[Pico]] = []


class CompiledModel(Row):
    """The rows of one model of genai-prices, oldest first."""

    source: str
    rows: list[CompiledPrice]


class PriceTable(Row):
    """``compiled_prices.json``: from which genai-prices, since when, and its rows by name."""

    genai_prices: str
    checked: date
    models: dict[str, CompiledModel]


class CacheFacts(Row):
    """How a model's prompt cache is asked for, and the shortest prefix in tokens it keeps.

    ``uncertain`` says that the provider does not document the minimum.
    """

    style: CacheStyle
    min_tokens: int = 0
    uncertain: bool = False


class BatchDiscount(Row):
    """The price of a batch in percent of the standard row, from a day on."""

    percent: Percent
    start: date
    source: str
    checked: date


class FamilyRow(Row):
    """What the models of a family have in common; a model's own value counts instead."""

    cache: CacheFacts | None = None
    images: bool | None = None
    tools: bool | None = None
    forced_tools: bool | None = None
    json_schema: bool | None = None
    context_tokens: Tokens | None = None
    max_output_tokens: Tokens | None = None
    default_max_tokens: Tokens | None = None
    image_tokens: Tokens | None = None
    hidden_tokens: Pico | None = None
    refuses: tuple[str, ...] | None = None
    long_write_percent: Percent | None = None


class ModelRow(FamilyRow, kw_only=True):
    """One model of ``models.toml``."""

    id: str
    provider: str
    family: str
    tier: Tier | None = None
    genai: str | None = None
    released: date | None = None
    retired: date | None = None
    prices: list[WrittenPrice] = []
    batch: BatchDiscount | None = None


class ModelsFile(Row):
    """``models.toml``."""

    families: dict[str, FamilyRow]
    models: list[ModelRow]
