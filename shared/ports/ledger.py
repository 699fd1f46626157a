"""The books: holds, settlements, rollups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from shared.domain.budgets import Budget, Hold, Position, Scope, Step
from shared.domain.budgets.movements import Ending
from shared.domain.budgets.refusals import HoldLimits
from shared.domain.entries import Settlement

if TYPE_CHECKING:  # what only operators need stays out of the router
    from shared.domain.budgets.lines import LinesFound, SettledLine, Source
    from shared.domain.rollups import Cells, Rollup
    from shared.domain.usage_rows import Feedback, UsageRow


class UsageLedger(Protocol):
    """Usage rows, what callers said of them, and what they were added up to.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached, and has one effect however often AWS's client sends it. Reads are consistent.
    """

    def usage_rows(self, team: str, since: str, until: str) -> Iterator[UsageRow]:
        """Yield a team's rows of one day in the order of their moments, few of them read ahead.

        Both moments are that day's: from ``since`` on, before ``until``.
        """

    def feedback(self, team: str, day: str) -> dict[str, Feedback]:
        """Return what was said of a day's requests, by request id."""

    def give_feedback(self, team: str, day: str, feedback: Feedback) -> None:
        """Write down what was said of a request of a day; what was said last is kept."""

    def hours(self, team: str, day: str) -> dict[str, Rollup]:
        """Return what is stored of a day's hours, by hour."""

    def days(self, team: str, first: str, last: str) -> dict[str, Rollup]:
        """Return what is stored of days, by day, from the first to the last."""

    def close(self, team: str, period: str, cells: Cells, revision: int) -> None:
        """Store the cells of an hour or a day, unless it was opened again since ``revision``.

        Cells too many for one item are not stored, which is no error: their rows are read.
        """

    def reopen(self, team: str, hours: Iterable[str], until: int) -> None:
        """Have the rows of some hours, and of their days, read until an epoch second.

        Done before a row or a feedback is written late; all of them, or none.
        """

    def teams(self) -> list[str]:
        """Return every team that was ever given a key."""


class Ledger(UsageLedger, Protocol):
    """Budgets, holds and usage rows: all that money depends on.

    Every method raises :class:`~shared.domain.errors.StoreUnavailable` when the ledger cannot be
    reached: then nothing may be spent. Whatever a method does it does once, however often AWS's
    client sends it.
    """

    def read_budgets(self, scopes: Iterable[Scope]) -> dict[Scope, Budget]:
        """Read budgets, consistently; a scope without one is left out."""

    def open_budget(self, budget: Budget) -> Budget:
        """Write a scope's first budget; returns the one that stands there, this or an earlier."""

    def take_step(self, budget: Budget, step: Step) -> Budget:
        """Write down what time has done to a budget, if it still is as seen.

        Returns the budget as it is now, whoever took the step.
        """

    def move_room(self, into: Budget, donors: Sequence[tuple[Budget, int, int]]) -> bool:
        """Move room between slices of one scope: nano-dollars of the day and of the month.

        Caps move with it, so that they still add up. False where one of them has changed.
        """

    def recut(self, seen: Sequence[Budget], after: Sequence[Budget]) -> bool:
        """Write all slices of one scope as they shall be, all at once, if they are as seen.

        False where one of them has changed so that it would be left with less room.
        """

    def reserve(
        self, hold: Hold, budgets: Sequence[Budget], limits: HoldLimits, now: float
    ) -> Hold | Mapping[Scope, Budget]:
        """Set money aside in all budgets at once, or in none.

        The hold as it stands, which an earlier try may have booked into an earlier day; else the
        budgets that were not as seen, as they are now. An empty mapping says that another call
        was in the way: try again.
        """

    def end(
        self,
        hold: Hold,
        settlement: Settlement | None,
        ending: Ending,
        position: Position,
        late_at: float | None = None,
    ) -> Position | None:
        """End a hold from a position; None where it is done, else the position as it was found.

        ``settlement`` is what the usage row says, for endings that write one. ``late_at`` is the
        time of a settlement that is not its call's: what it moves is written down by that too.
        """

    def bar(self, hold: Hold) -> None:
        """Keep a reservation from being booked that may still be on its way."""

    def close_place(self, team: str, request_id: str, attempt: int, expires_at: int) -> Hold | None:
        """Return the hold of an attempt, or keep one from ever being booked; either for good."""

    def expired_holds(self, team: str, now: float) -> list[Hold]:
        """Return the holds of a team whose time is over, oldest first."""


class BatchLedger(Ledger, Protocol):
    """A ledger whose holds may be for many lines; see :mod:`shared.domain.budgets.lines`."""

    def settle_lines(
        self,
        hold: Hold,
        lines: Sequence[SettledLine],
        source: Source,
        budgets: Mapping[Scope, Budget],
        at: float,
    ) -> LinesFound | None:
        """Write the rows of up to 90 lines and move their money, all of it or nothing.

        ``budgets`` are those of the hold's scopes that were seen since they moved on; ``at`` is
        the time in epoch seconds. None where it is done; else what was found in the way.
        """

    def standing_hold(self, hold: Hold) -> Hold | None:
        """Return a hold with what is still held; None where it is no more. Consistent."""
