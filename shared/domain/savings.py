"""Where a request's saving comes from: baseline - actual as a sum of levers, exact and signed.

One request is priced several times over, each time a step nearer to what happened::

    c0  baseline: what was asked for, at list price, without any cache
    c1  routing:       the model that the route chose first, instead of the one asked for
    c2  fallback:      the model that answered, instead of the one chosen first
    c3  prompt_cache:  its tokens as they fell into cache classes, write premium included
    c4  batch:         the price of how it was processed, instead of the list price
        compression, output, semantic, rule, coalescing:  each where it had a part
    cn  exact_cache:   nothing, where a stored answer was served

Each lever is the difference that its step makes, so that the sum telescopes::

    (c0 - c1) + (c1 - c2) + … + (c(n-1) - cn)  =  c0 - cn  =  baseline - actual

Whatever is rounded is rounded within a cost, never within a lever: nothing is lost between them.
A lever is negative where its step made the request dearer: a route to a dearer model than was
asked for, a fallback to a dearer one, a prompt-cache write that nobody has read yet. The order is
fixed, for it decides which of two levers gets what either would have saved: a hit on an answer
that a cheap model gave counts the cheap model under ``routing`` and the rest under ``exact_cache``.

What the steps do not tell apart:

* ``auto`` asks for the environment's baseline model; a tier asks for the model that the route
  chose first. A model named in full is never replaced, so its ``routing`` is 0.
* A hit asked no provider: its prompt cache had no part, whatever the first call had paid.
* An attempt that failed, and a hold that nobody settled, are charged as they were: the caller
  would have had them without a gateway too, so the baseline is the cost and no lever counts.
* Counting tokens is free on both sides.

A lever that is not built leaves the cost as it was and is 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.prices import PriceRow, TokenCounts

Lever = Literal[
    "routing",
    "fallback",
    "prompt_cache",
    "batch",
    "compression",
    "output",
    "semantic",
    "rule",
    "coalescing",
    "exact_cache",
]


@dataclass(frozen=True)
class Levers:
    """Nano-dollars saved by each lever, in the order of the algebra; negative where it cost."""

    routing: int = 0
    fallback: int = 0
    prompt_cache: int = 0
    batch: int = 0
    compression: int = 0
    output: int = 0
    semantic: int = 0
    rule: int = 0
    coalescing: int = 0
    exact_cache: int = 0

    @property
    def total(self) -> int:
        """What they saved together."""
        return sum(nano for _, nano in self.items())

    def items(self) -> Iterator[tuple[Lever, int]]:
        """Yield every lever and what it saved, in the order of the algebra."""
        for name in LEVERS:
            yield name, getattr(self, name)

    def __add__(self, other: Levers) -> Levers:
        """Return both together."""
        return Levers(**{name: nano + getattr(other, name) for name, nano in self.items()})


LEVERS: Final[tuple[Lever, ...]] = tuple(
    field.name  # type: ignore[misc]
    for field in dataclasses.fields(Levers)
)
NO_LEVERS: Final = Levers()


@dataclass(frozen=True)
class Saving:
    """What a request would have cost, what it cost, and what made the difference."""

    baseline_nano: int
    cost_nano: int
    levers: Levers

    def __post_init__(self) -> None:
        """Refuse books that do not balance."""
        if self.baseline_nano - self.cost_nano != self.levers.total:
            raise ValueError(f"{self} does not balance")


def telescoped(baseline: int, after: Mapping[Lever, int]) -> Saving:
    """Return the saving of costs in nano-dollars: the baseline, and the cost after each lever.

    A lever that is left out changed nothing. The order is the algebra's, whatever the mapping's.
    """
    saved: dict[str, int] = {}
    cost = baseline
    for lever in LEVERS:
        next_cost = after.get(lever, cost)
        saved[lever] = cost - next_cost
        cost = next_cost
    return Saving(baseline, cost, Levers(**saved))


@dataclass(frozen=True)
class Prices:
    """The rates of the models in a request: asked for, chosen first, and the one that answered.

    ``billed`` are those of how the answer was processed: the list's, or a batch's.
    """

    asked: PriceRow
    routed: PriceRow
    answered: PriceRow
    billed: PriceRow


def of_answer(prices: Prices, tokens: TokenCounts) -> Saving:
    """Return the saving of an answer that a provider gave."""
    uncached = tokens.without_cache()
    return telescoped(
        prices.asked.cost(uncached),
        {
            "routing": prices.routed.cost(uncached),
            "fallback": prices.answered.cost(uncached),
            "prompt_cache": prices.answered.cost(tokens),
            "batch": prices.billed.cost(tokens),
        },
    )


def of_hit(asked: PriceRow, stored: PriceRow, tokens: TokenCounts) -> Saving:
    """Return the saving of a stored answer, by the tokens and the model of its first call."""
    uncached = tokens.without_cache()
    return telescoped(asked.cost(uncached), {"routing": stored.cost(uncached), "exact_cache": 0})


def of_charge(nano: int) -> Saving:
    """Return the saving of what brought no answer: none."""
    return Saving(nano, nano, NO_LEVERS)
