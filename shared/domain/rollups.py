"""Usage added up: the cells of an hour or a day, one for each combination of dimensions.

Rollups are rebuilt from usage rows and are never written with them. A counter in the settle
transaction would be one item that every call of a team writes to, which DynamoDB limits to a
thousand write units a second and which makes concurrent transactions fail; it would cost as much
as the row itself, for every group that a call belongs to. And what was judged late (a caller's
feedback, a hold charged after the fact) would have to be taken out of a sum again. A rebuild is
idempotent: it may be interrupted anywhere and done again, and gives what the rows say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from shared.domain.prices import TokenCounts
from shared.domain.savings import NO_LEVERS, Levers

Dimension = Literal["environment", "team", "key", "feature", "model", "tier", "task"]
DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "environment", "team", "key", "feature", "model", "tier", "task",
)  # fmt: skip

SETTLING_SECONDS: Final = 12_000
"""How long after its end an hour's rows are still read one by one.

Clocks may be 10,000 s apart; a call lasts a quarter of an hour, and so does one that tells that
it was asked again."""


class Cell(NamedTuple):
    """What the rows of a sum have in common, within one team."""

    key: str
    feature: str | None
    model: str
    tier: str | None
    task: str | None


@dataclass(frozen=True)
class Sums:
    """What some attempts add up to. Money is in nano-dollars; ``aws_nano`` is an estimate."""

    requests: int = 0
    cost_nano: int = 0
    baseline_nano: int = 0
    aws_nano: int = 0
    successes: int = 0
    failures: int = 0
    unknown: int = 0
    levers: Levers = NO_LEVERS
    tokens: TokenCounts = field(default_factory=TokenCounts)

    def __add__(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(
            requests=self.requests + other.requests,
            cost_nano=self.cost_nano + other.cost_nano,
            baseline_nano=self.baseline_nano + other.baseline_nano,
            aws_nano=self.aws_nano + other.aws_nano,
            successes=self.successes + other.successes,
            failures=self.failures + other.failures,
            unknown=self.unknown + other.unknown,
            levers=self.levers + other.levers,
            tokens=_together(self.tokens, other.tokens),
        )


Cells = Mapping[Cell, Sums]


@dataclass(frozen=True)
class Rollup:
    """What is stored for an hour or a day; ``cells`` is None while the rows are to be read.

    ``revision`` counts how often it was opened again, so that a rebuild which began before is not
    stored after. Until ``open_until``, in epoch seconds, late rows may still arrive.
    """

    cells: Cells | None = None
    revision: int = 0
    open_until: int = 0


NEVER_STORED: Final = Rollup()


def added(parts: Iterable[Cells]) -> Cells:
    """Add cells up."""
    total: dict[Cell, Sums] = {}
    for part in parts:
        for cell, sums in part.items():
            total[cell] = total[cell] + sums if cell in total else sums
    return total


def _together(one: TokenCounts, other: TokenCounts) -> TokenCounts:
    return TokenCounts(
        input=one.input + other.input,
        cache_read=one.cache_read + other.cache_read,
        cache_write=one.cache_write + other.cache_write,
        output=one.output + other.output,
        cache_write_long=one.cache_write_long + other.cache_write_long,
    )
