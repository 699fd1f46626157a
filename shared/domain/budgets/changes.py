"""What operators change in a budget, and the row that remembers it.

A change says how the budget shall be, not what is added to it, so two operators who say the same
leave the same behind. Whatever a limit gains or loses, what is left gains or loses:
``avail + spent + held = cap + raised`` before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.domain.budgets.budget import Budget, Counter, OnLimit, Period
from shared.domain.budgets.refusals import together
from shared.domain.budgets.seeds import sliced
from shared.domain.budgets.shown import limits_shown
from shared.domain.budgets.slices import levelled

Ladder = tuple[int, int, int]


class SenselessChange(ValueError):
    """A change that this budget cannot take; the text says why and what would help."""


@dataclass(frozen=True)
class SetTerms:
    """New caps in nano-dollars (``NO_CAP`` takes one away), and how they act; None leaves one."""

    day: int | None = None
    month: int | None = None
    on_limit: OnLimit | None = None
    ladder: Ladder | None = None

    name = "set"

    def __post_init__(self) -> None:
        """Refuse a ladder that does not rise."""
        if self.ladder is not None:
            check_ladder(self.ladder)

    def of_one(self, piece: Budget, pieces: int) -> Budget:
        """Return one piece of a budget under the new terms."""
        return replace(
            piece,
            day=_capped(piece, "day", self.day, pieces),
            month=_capped(piece, "month", self.month, pieces),
            on_limit=self.on_limit or piece.on_limit,
            ladder=self.ladder or piece.ladder,
        )


@dataclass(frozen=True)
class Raise:
    """More money for a while: ``by`` nano-dollars until ``until``, in epoch seconds.

    It takes the place of a raise that is going on, and ends by itself.
    """

    period: Period
    by: int
    until: int

    name = "raise"

    def __post_init__(self) -> None:
        """Refuse a raise by nothing."""
        if self.by <= 0:
            raise SenselessChange("A raise is by more than nothing.")

    def of_one(self, piece: Budget, pieces: int) -> Budget:
        """Return one piece of a budget, raised by its part."""
        counter = piece.counter(self.period)
        if not counter.is_capped:
            raise SenselessChange(
                f"{piece.name} has no cap for a {self.period}, so there is nothing to raise."
            )
        by = _part(self.by, piece, pieces)
        return piece.with_counter(self.period, _with_limit(counter, counter.cap, by, self.until))


@dataclass(frozen=True)
class Freeze:
    """Refuse every call that would cost money, until it is lifted."""

    because: str

    name = "freeze"

    def of_one(self, piece: Budget, pieces: int) -> Budget:
        """Return one piece of a budget, frozen."""
        return replace(piece, frozen_because=self.because)


@dataclass(frozen=True)
class Unfreeze:
    """Serve calls again."""

    name = "unfreeze"

    def of_one(self, piece: Budget, pieces: int) -> Budget:
        """Return one piece of a budget, no longer frozen."""
        if piece.frozen_because is None:
            raise SenselessChange(f"{piece.name} is not frozen.")
        return replace(piece, frozen_because=None)


Change = SetTerms | Raise | Freeze | Unfreeze


@dataclass(frozen=True)
class AuditRow:
    """Who changed which budget when (epoch seconds), how, and why; amounts are decimal USD.

    ``row_id`` tells two rows of the same moment apart.
    """

    row_id: str
    at: float
    who: str
    what: str
    budget: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str


def changed(pieces: Sequence[Budget], change: Change) -> list[Budget]:
    """Return all pieces of one budget after a change, their terms counted on.

    Raises :class:`SenselessChange`.
    """
    after = [change.of_one(piece, len(pieces)) for piece in pieces]
    counted = [replace(piece, terms=piece.terms + 1) for piece in after]
    return levelled(counted) if len(counted) > 1 else counted


def terms_told(pieces: Sequence[Budget]) -> dict[str, object]:
    """Return what operators can change of a budget, as an audit row tells it."""
    whole = together(pieces)
    told: dict[str, object] = {
        "on_limit": whole.on_limit,
        "ladder": list(whole.ladder),
        "frozen": whole.frozen_because,
    }
    for period, counter in whole.counters:
        told |= {f"{period}_{name}": value for name, value in limits_shown(counter).items()}
    return told


def months_back(month: str, most: int) -> Iterator[str]:
    """Yield a month (``2026-11``) and those before it, the latest first."""
    for _ in range(most):
        yield month
        year, number = map(int, month.split("-"))
        month = f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def check_ladder(ladder: Ladder) -> None:
    """Raise :class:`SenselessChange` unless the percentages rise from 1 to 100."""
    if not 0 < ladder[0] <= ladder[1] <= ladder[2] <= 100:
        raise SenselessChange("A ladder is three percentages that rise, such as 70,85,95.")


def _capped(piece: Budget, period: Period, cap: int | None, pieces: int) -> Counter:
    counter = piece.counter(period)
    if cap is None:
        return counter
    return _with_limit(counter, _part(cap, piece, pieces), counter.raised, counter.raised_until)


def _with_limit(counter: Counter, cap: int, raised: int, until: int) -> Counter:
    more = cap + raised - counter.limit
    return replace(counter, cap=cap, raised=raised, raised_until=until, avail=counter.avail + more)


def _part(nano: int, piece: Budget, pieces: int) -> int:
    return nano if pieces == 1 else sliced(nano, piece.scope.slice)
