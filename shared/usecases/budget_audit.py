"""What is done about holds that nobody settled, and whether the books of a day add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock, utc
from shared.domain.budgets import Budget, Hold, Scope
from shared.domain.budgets.audit import Finding, Reading, findings, slices_apart
from shared.domain.budgets.budget import month_of
from shared.domain.budgets.changes import months_back
from shared.domain.budgets.scopes import all_slices
from shared.domain.errors import StoreUnavailable
from shared.ports.ledger import Ledger
from shared.ports.operators import BudgetAdmin
from shared.usecases.budget_admin import ENVIRONMENT
from shared.usecases.holding import Holding

_LATER_THAN_ALL_HOLDS: Final = 99_999_999_999.0
"""The last moment that the sort key of a hold can name, in the year 5138."""
MOST_SECONDS: Final = 120.0
"""Of the guard's five minutes: what it has not ended by then it ends at its next check."""
_REMEMBERED_MONTHS: Final = 13
"""How far back the last change of the environment's caps is looked for."""


@dataclass(frozen=True)
class Swept:
    """Holds that were ended here, and those that could not be: too many calls were in the way.

    ``is_cut`` where time ran out before all of them were tried.
    """

    ended: tuple[Hold, ...]
    left: tuple[Hold, ...]
    is_cut: bool = False


class Sweep:
    """Ends every hold whose time is over: charged in full, in doubt, unless it was settled."""

    def __init__(
        self, holding: Holding, admin: BudgetAdmin, timer: Callable[[], float] | None = None
    ) -> None:
        """Prepare a sweep; with a ``timer``, in seconds, it leaves off in time for other work."""
        self._holding = holding
        self._admin = admin
        self._timer = timer

    def __call__(self) -> Swept:
        """Sweep all teams. Raises ``StoreUnavailable`` where the holds cannot be read."""
        ended: list[Hold] = []
        left: list[Hold] = []
        ends_at = self._now() + MOST_SECONDS
        for hold in self._expired():
            if self._now() > ends_at:
                return Swept(tuple(ended), tuple(left), is_cut=True)
            # One that could not be ended must not keep the others waiting.
            try:
                ended += [hold] if self._holding.expire(hold) else []
            except StoreUnavailable:
                left.append(hold)
        return Swept(tuple(ended), tuple(left))

    def _expired(self) -> Iterator[Hold]:
        for team in self._admin.teams():
            yield from self._holding.expired(team)

    def _now(self) -> float:
        return 0.0 if self._timer is None else self._timer()


@dataclass(frozen=True)
class Audited:
    """What an audit of a day looked at, and what is off.

    ``moved_on`` names the budgets whose counter of that day is gone, because a later day began:
    their rows cannot be compared any more.
    """

    day: str
    budgets: int
    moved_on: tuple[str, ...]
    findings: tuple[Finding, ...]


class Audit:
    """Compares the counters of a day with its usage rows and all open holds; writes nothing."""

    def __init__(self, ledger: Ledger, admin: BudgetAdmin, clock: Clock) -> None:
        self._ledger = ledger
        self._admin = admin
        self._clock = clock

    def __call__(self, day: str) -> Audited:
        """Audit one UTC day (``2026-11-22``). Raises ``StoreUnavailable``."""
        teams = self._admin.teams()
        told, before = self._last_terms(), self._budgets(teams)
        booked, held = self._booked(teams, day), self._held(teams)
        after = self._budgets(teams)
        readings = [
            Reading(name, before.get(name, []), after.get(name, []), booked[name])
            for name in sorted(after.keys() | booked.keys())
        ]
        found = [each for reading in readings for each in findings(reading, held, day)]
        if told == self._last_terms():
            found += slices_apart(after.get(ENVIRONMENT, []), told)
        moved_on = [each.name for each in readings if each.has_moved_on("day", day)]
        return Audited(day, len(readings), tuple(moved_on), tuple(found))

    def _budgets(self, teams: list[str]) -> dict[str, list[Budget]]:
        """Return the pieces of every budget by its name."""
        found: dict[str, list[Budget]] = {}
        slices = self._ledger.read_budgets(all_slices()).values()
        own = [budget for team in teams for budget in self._admin.budgets_of(team)]
        for budget in (*slices, *own):
            found.setdefault(budget.name, []).append(budget)
        return found

    def _booked(self, teams: list[str], day: str) -> Counter[str]:
        """Return the sums of a day's rows by the name of each budget they count in."""
        sums: Counter[str] = Counter()
        for team in teams:
            for row in self._admin.booked(team, day):
                for name in (ENVIRONMENT, f"team:{team}", f"key:{row.key_id}"):
                    sums[name] += row.cost_nano
        return sums

    def _held(self, teams: list[str]) -> Counter[tuple[Scope, str]]:
        """Return what open holds hold, by scope and the label of a period."""
        sums: Counter[tuple[Scope, str]] = Counter()
        for team in teams:
            for hold in self._ledger.expired_holds(team, _LATER_THAN_ALL_HOLDS):
                for scope in hold.scopes:
                    sums[scope, hold.day] += hold.nano
                    sums[scope, month_of(hold.day)] += hold.nano
        return sums

    def _last_terms(self) -> Mapping[str, object] | None:
        """Return what the environment's terms were last changed to, if lately."""
        for month in months_back(f"{utc(self._clock()):%Y-%m}", _REMEMBERED_MONTHS):
            for row in reversed(self._admin.audit_rows(month)):
                if row.budget == ENVIRONMENT:
                    return row.after
        return None
