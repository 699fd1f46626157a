"""What the simulated providers charge: ``prices.toml`` and the arithmetic on it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import msgspec

from local.simulator.prompt_cache.rules import CacheRule

PRICE_FILE = Path(__file__).with_name("prices.toml")
PICO_PER_NANO = 1_000
PERCENT = 100


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one answer.

    ``cached``, ``cache_write`` and ``cache_write_long`` are disjoint parts of ``prompt``;
    ``reasoning`` is a part of ``completion``, whatever the provider's own fields hold.
    """

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0
    cache_write_long: int = 0
    reasoning: int = 0

    @property
    def fresh(self) -> int:
        """Prompt tokens that were neither read from a cache nor written to one."""
        return self.prompt - self.cached - self.cache_write - self.cache_write_long


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Picodollars per token; written tokens cost what input costs where no rate is named.

    ``cache_write_long`` is for the longer lifetime: 1 hour at Anthropic, 12 at OpenAI.
    """

    input: int
    cache_read: int
    output: int
    cache_write: int | None = None
    cache_write_long: int | None = None

    def cost(self, usage: Usage) -> int:
        """Return picodollars."""
        write = self.input if self.cache_write is None else self.cache_write
        write_long = self.input if self.cache_write_long is None else self.cache_write_long
        return (
            usage.fresh * self.input
            + usage.cached * self.cache_read
            + usage.cache_write * write
            + usage.cache_write_long * write_long
            + usage.completion * self.output
        )


class LongPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of the whole request when its prompt has more than ``above`` tokens."""

    above: int
    rates: Rates


class Peak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of a request that arrives in one of these UTC hours (Monday is weekday 0)."""

    weekdays: frozenset[int]
    utc_hours: frozenset[int]
    rates: Rates

    def covers(self, moment: datetime) -> bool:
        """Tell whether a UTC moment is peak time."""
        return moment.weekday() in self.weekdays and moment.hour in self.utc_hours


class LaterRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates that take the place of the usual ones from a UTC date on."""

    since: date
    rates: Rates


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model on sale; ``snapshot`` is the dated name its answers carry.

    ``reasons`` tells when it reasons; ``cache`` is how it caches prompts, None: not at all.
    ``batch_percent`` of every rate is what a line of a batch costs, cached or not; None: the
    provider has no batches.
    """

    id: str
    provider: str
    snapshot: str
    source: str
    checked: date
    rates: Rates
    long: LongPrompt | None = None
    peak: Peak | None = None
    later: LaterRates | None = None
    cache: CacheRule | None = None
    reasons: Literal["never", "asked", "always"] = "never"
    batch_percent: int | None = None

    def cost_pico(self, usage: Usage, at: float, *, batch: bool = False) -> int:
        """Return the picodollars of a request that arrived at epoch second ``at``.

        Raises ``ValueError`` for a batch where there are none.
        """
        listed = self._rates(usage.prompt, datetime.fromtimestamp(at, UTC)).cost(usage)
        if not batch:
            return listed
        if self.batch_percent is None:
            raise ValueError(f"{self.provider} sells no batches of {self.id}")
        return -(-listed * self.batch_percent // PERCENT)

    def _rates(self, prompt_tokens: int, moment: datetime) -> Rates:
        if self.long is not None and prompt_tokens > self.long.above:
            return self.long.rates
        if self.peak is not None and self.peak.covers(moment):
            return self.peak.rates
        if self.later is not None and moment.date() >= self.later.since:
            return self.later.rates
        return self.rates


class PriceList:
    """The models on sale. A model that is not listed does not exist for the simulator."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = tuple(models)

    def find(self, provider: str, name: str) -> Model | None:
        """Return the provider's model of that id or snapshot name, if it sells one."""
        return next((m for m in self.of(provider) if name in {m.id, m.snapshot}), None)

    def of(self, provider: str) -> tuple[Model, ...]:
        """Return the models of one provider."""
        return tuple(model for model in self._models if model.provider == provider)


def load_prices(file: Path = PRICE_FILE) -> PriceList:
    """Read the price list; a missing rate or a misspelt field raises ``ValidationError``."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    rows = [
        {"batch_percent": tables["batch_percent"].get(row["provider"]), **row}
        for row in tables["model"]
    ]
    return PriceList(msgspec.convert(rows, list[Model]))


def nano_from_pico(pico: int) -> int:
    """Return nano-dollars, rounded up: a request is rounded once, and never in its favour."""
    return -(-pico // PICO_PER_NANO)
