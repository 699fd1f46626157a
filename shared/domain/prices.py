"""What a request costs: disjoint token classes times dated rates.

A model has rows. A row says from which UTC day on, for which variant and, where the provider
has peak hours, in which hours it holds. The context is strict: where no row fits, nothing is
guessed and :class:`UnpricedModel` is raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from shared.domain.errors import UnpricedModel
from shared.domain.money import nano_from_pico

Variant = Literal["standard", "batch"]
"""How a request is processed: at once, or in a provider's batch."""

MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of one answer in disjoint classes that add up to what the provider counted.

    ``input`` is the part of the prompt that was neither read from nor written to a prompt
    cache. ``cache_write`` was written for the provider's short time (5 or 30 minutes),
    ``cache_write_long`` for its long one (1 or 12 hours). ``output`` holds everything that is
    billed as output, hidden reasoning included.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    cache_write_long: int = 0

    @property
    def prompt(self) -> int:
        """All prompt tokens, whichever class they fall in."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_long

    def without_cache(self) -> TokenCounts:
        """Return the same tokens as a provider without a prompt cache would bill them."""
        return TokenCounts(input=self.prompt, output=self.output)


@dataclass(frozen=True)
class Rates:
    """Picodollars per token of each class."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    cache_write_long: int

    def pico(self, tokens: TokenCounts) -> int:
        """Return the exact picodollars these tokens cost."""
        return (
            tokens.input * self.input
            + tokens.cache_read * self.cache_read
            + tokens.cache_write * self.cache_write
            + tokens.cache_write_long * self.cache_write_long
            + tokens.output * self.output
        )

    def cost(self, tokens: TokenCounts) -> int:
        """Return the nano-dollars these tokens cost, rounded up once."""
        return nano_from_pico(self.pico(tokens))

    def scaled(self, percent: int) -> Rates:
        """Return every rate at a percentage; raises ``ValueError`` where that is not exact."""
        return Rates(
            input=percent_of(self.input, percent),
            cache_read=percent_of(self.cache_read, percent),
            cache_write=percent_of(self.cache_write, percent),
            output=percent_of(self.output, percent),
            cache_write_long=percent_of(self.cache_write_long, percent),
        )


@dataclass(frozen=True)
class LongPrompt:
    """Rates for the whole request once its prompt exceeds ``above`` tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True)
class Peak:
    """Hours of UTC days in which dearer rates hold.

    ``windows`` are minutes of the day, the first inside and the last outside. ``weekdays``
    count from Monday, 0. ``off_days`` are dates without peak hours, such as holidays.
    """

    windows: tuple[tuple[int, int], ...]
    weekdays: frozenset[int] = frozenset(range(7))
    off_days: frozenset[date] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Say whether an aware time falls into peak hours."""
        utc = at.astimezone(UTC)
        if utc.weekday() not in self.weekdays or utc.date() in self.off_days:
            return False
        minute = utc.hour * 60 + utc.minute
        return any(first <= minute < end for first, end in self.windows)


@dataclass(frozen=True)
class PriceRow:
    """The rates of a model from a UTC day on; a change of price adds a row and edits none.

    A row with ``peak`` holds in those hours in place of the row of the same day without.
    """

    start: date
    rates: Rates
    long_prompts: tuple[LongPrompt, ...] = ()
    variant: Variant = "standard"
    peak: Peak | None = None

    def applicable(self, prompt: int) -> Rates:
        """Return the rates of a whole request whose prompt has so many tokens."""
        rates = self.rates
        for step in sorted(self.long_prompts, key=lambda step: step.above):
            if prompt > step.above:
                rates = step.rates
        return rates

    def rates_up_to(self, prompt: int) -> list[Rates]:
        """Return all rates that a prompt of at most so many tokens may be charged at."""
        return [self.rates, *(step.rates for step in self.long_prompts if prompt > step.above)]

    def cost(self, tokens: TokenCounts) -> int:
        """Return nano-dollars, at the long-prompt rates where the prompt is that long."""
        return self.applicable(tokens.prompt).cost(tokens)

    def scaled(self, percent: int, start: date, variant: Variant) -> PriceRow:
        """Return this row at a percentage of its rates, for another variant and first day."""
        steps = tuple(
            LongPrompt(step.above, step.rates.scaled(percent)) for step in self.long_prompts
        )
        return PriceRow(start, self.rates.scaled(percent), steps, variant, self.peak)


@dataclass(frozen=True)
class PriceBook:
    """The rows of every model that has a price, by model id."""

    rows: Mapping[str, Sequence[PriceRow]]

    def price(self, model: str, at: datetime, variant: Variant = "standard") -> PriceRow:
        """Return the row in force at an aware time.

        Raises :class:`UnpricedModel` for an unknown model, a time before its first row and a
        variant without a rate; ``ValueError`` for a time without a zone.
        """
        return price_at(model, self.rows.get(model, ()), at, variant)


def price_at(model: str, rows: Sequence[PriceRow], at: datetime, variant: Variant) -> PriceRow:
    """Return the one row in force at an aware time; raises as :meth:`PriceBook.price`."""
    if at.tzinfo is None:
        raise ValueError("a price needs a time with a zone")
    day = at.astimezone(UTC).date()
    begun = [row for row in rows if row.variant == variant and row.start <= day]
    if not begun:
        raise UnpricedModel(model)
    newest = max(row.start for row in begun)
    current = [row for row in begun if row.start == newest]
    peak = [row for row in current if row.peak is not None and row.peak.holds(at)]
    fitting = peak or [row for row in current if row.peak is None]
    if not fitting:
        raise UnpricedModel(model)
    return fitting[0]


def percent_of(rate: int, percent: int) -> int:
    """Return a percentage of a rate; raises ``ValueError`` where it is not a whole picodollar."""
    hundredths = rate * percent
    if hundredths % 100:
        raise ValueError(f"{percent} % of {rate} picodollars is not exact")
    return hundredths // 100
