"""What a request costs: disjoint token classes times dated rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared.domain.errors import UnpricedModel
from shared.domain.money import nano_from_pico


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of one answer in disjoint classes that add up to what the provider counted.

    ``input`` is the part of the prompt that was neither read from nor written to a prompt
    cache; ``output`` holds everything that is billed as output, hidden reasoning included.
    ``cache_write_long`` holds the writes that live for an hour or more.
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

    def cost(self, tokens: TokenCounts) -> int:
        """Return the nano-dollars these tokens cost, rounded up once."""
        return nano_from_pico(
            tokens.input * self.input
            + tokens.cache_read * self.cache_read
            + tokens.cache_write * self.cache_write
            + tokens.output * self.output
        )


@dataclass(frozen=True)
class LongPrompt:
    """Rates for the whole request once its prompt exceeds ``above`` tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True)
class PriceRow:
    """The rates of a model from a day on; a change of price adds a row and edits none."""

    start: date
    rates: Rates
    long_prompts: tuple[LongPrompt, ...] = ()

    def cost(self, tokens: TokenCounts) -> int:
        """Return nano-dollars, at the long-prompt rates where the prompt is that long."""
        rates = self.rates
        for step in sorted(self.long_prompts, key=lambda step: step.above):
            if tokens.prompt > step.above:
                rates = step.rates
        return rates.cost(tokens)


def price_on(day: date, model: str, rows: Sequence[PriceRow]) -> PriceRow:
    """Return the row in force on a day; raises :class:`UnpricedModel` where there is none."""
    in_force = [row for row in rows if row.start <= day]
    if not in_force:
        raise UnpricedModel(model)
    return max(in_force, key=lambda row: row.start)


def dearest(counts: TokenCounts, prompt_bound: int, output_bound: int) -> TokenCounts:
    """Return counts raised to bounds, for an answer whose real usage never arrived."""
    missing = max(0, prompt_bound - counts.prompt)
    return replace(
        counts,
        input=counts.input + missing,
        output=max(counts.output, output_bound),
    )
