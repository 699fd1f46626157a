"""Budgets as operators handle them: look, change, and read who changed what.

A budget that was never used is opened first, with what the deployed settings say, as its first
call would have done: a change never drops a cap that the stack states.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock, utc
from shared.domain.budgets import Budget, DropRaise, Roll, Scope, as_of, current_day, next_step
from shared.domain.budgets.budget import month_of
from shared.domain.budgets.changes import AuditRow, Change, changed, months_back, terms_told
from shared.domain.budgets.refusals import together
from shared.domain.budgets.scopes import all_slices, key_scope, team_scope
from shared.domain.budgets.seeds import Seeds
from shared.domain.budgets.slices import lowered
from shared.ports.ledger import Ledger
from shared.ports.operators import BudgetAdmin, KeyAdmin

ENVIRONMENT: Final = "environment"
_TRIES: Final = 24
"""How often a change is tried that calls or other operators were in the way of."""
_FIRST_PAUSE_SECONDS: Final = 0.02
_LONGEST_PAUSE_SECONDS: Final = 0.2
_LOGGED_MONTHS: Final = 24
"""How far back a log is read; older rows stay in the table."""


class UnknownBudget(LookupError):
    """A name that is no budget's; the text says how they are named."""


class InTheWay(RuntimeError):
    """A change that others were in the way of until patience ran out; nothing was changed."""


@dataclass(frozen=True)
class Named:
    """A budget by its name: the pieces it is kept in, and the id of its key if it is one's."""

    scopes: tuple[Scope, ...]
    key_id: str | None = None


@dataclass(frozen=True)
class Changed:
    """A budget before and after a change, in one piece each."""

    before: Budget
    after: Budget


class Budgets:
    """The operator's work on budgets.

    ``seeds`` tells what unused budgets start with and is asked only when one is met; ``caller``
    names who makes a change. Errors of AWS pass through, or come as ``StoreUnavailable``.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        admin: BudgetAdmin,
        keys: KeyAdmin,
        seeds: Callable[[], Seeds],
        caller: Callable[[], str],
        clock: Clock,
        pause: Callable[[float], None],
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._ledger = ledger
        self._admin = admin
        self._keys = keys
        self._seeds = seeds
        self._caller = caller
        self._clock = clock
        self._pause = pause
        self._new_id = new_id

    def show(self, name: str | None = None) -> list[Budget]:
        """Return one budget, or all: the environment's, then each team's and its keys'.

        As they are at this moment, though nothing is written. Raises :class:`UnknownBudget`.
        """
        named = self._named(name) if name is not None else Named(all_slices())
        budgets = [together(self._as_of_now(named))]
        if name is None:
            for team in self._admin.teams():
                budgets += self._of_team(team)
        return budgets

    def teams(self) -> list[str]:
        """Return every team that ever had a key."""
        return self._admin.teams()

    def change(self, name: str, change: Change, reason: str) -> Changed:
        """Change a budget and write down who did, in one transaction over all its pieces.

        Decided anew while calls roll or move what it was decided by. Raises
        :class:`UnknownBudget`, ``SenselessChange``, and :class:`InTheWay` if that goes on.
        """
        named = self._named(name)
        who, row_id = self._caller(), self._new_id()
        for number in range(_TRIES):
            self._pause(min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * number))
            seen = self._brought_up(named)
            after = changed(seen, change)
            row = AuditRow(
                row_id=row_id,
                at=self._clock(),
                who=who,
                what=change.name,
                budget=together(seen).name,
                before=terms_told(seen),
                after=terms_told(after),
                reason=reason,
            )
            if self._admin.change(seen, after, row):
                return Changed(together(seen), together(after))
        raise InTheWay(f"{name} kept changing meanwhile, so nothing was changed. Try again.")

    def log(self, since: float) -> list[AuditRow]:
        """Return what was changed since a moment in epoch seconds, oldest first."""
        first = month_of(f"{utc(since):%Y-%m-%d}")
        found: list[AuditRow] = []
        for month in months_back(month_of(self._today()), _LOGGED_MONTHS):
            if month >= first:
                found = [*self._admin.audit_rows(month), *found]
        return [row for row in found if row.at >= since]

    def _named(self, name: str) -> Named:
        kind, _, rest = name.partition(":")
        if name == ENVIRONMENT:
            return Named(all_slices())
        if kind == "team" and rest in self._admin.teams():
            return Named((team_scope(rest),))
        if kind == "key":
            team = rest.rpartition(".")[0]
            for row in self._keys.list_keys(team) if team else []:
                if row.key_id == rest:
                    return Named((key_scope(row.team, row.digest),), row.key_id)
        raise UnknownBudget(
            f"There is no budget {name!r}. It is `environment`, `team:<team>` or `key:<id>`, of a "
            "team or a key that `sluice keys list` shows."
        )

    def _of_team(self, team: str) -> list[Budget]:
        standing = self._admin.budgets_of(team)
        scope = team_scope(team)
        own = [budget for budget in standing if budget.scope == scope]
        keys = [budget for budget in standing if budget.scope.kind == "key"]
        found = [*(own or [self._unused(Named((scope,)), scope)]), *sorted(keys, key=_name)]
        return self._rolled(found)

    def _as_of_now(self, named: Named) -> list[Budget]:
        standing = self._ledger.read_budgets(named.scopes)
        return self._rolled(
            [standing.get(scope) or self._unused(named, scope) for scope in named.scopes]
        )

    def _rolled(self, budgets: Sequence[Budget]) -> list[Budget]:
        day = current_day(budgets, self._today())
        return [as_of(budget, day, self._clock()) for budget in budgets]

    def _brought_up(self, named: Named) -> list[Budget]:
        """Return all pieces with what time has done to them written down, as calls do it."""
        standing = self._ledger.read_budgets(named.scopes)
        pieces = [
            standing.get(scope) or self._ledger.open_budget(self._unused(named, scope))
            for scope in named.scopes
        ]
        while True:
            day = current_day(pieces, self._today())
            steps = [(piece, next_step(piece, day, self._clock())) for piece in pieces]
            if not any(step for _, step in steps):
                return pieces
            if len(pieces) > 1 and any(isinstance(step, DropRaise) for _, step in steps):
                self._lower(pieces, day)
                pieces = [*self._ledger.read_budgets(named.scopes).values()]
                continue
            pieces = [
                self._ledger.take_step(piece, step) if step else piece for piece, step in steps
            ]

    def _lower(self, pieces: Sequence[Budget], day: str) -> None:
        """Take ended raises from all pieces at once, as soon as all are in the same day.

        One that has begun the next day owes nothing of this one any more, though it spent it.
        """
        if behind := [piece for piece in pieces if piece.day.label < day]:
            for piece in behind:
                self._ledger.take_step(piece, Roll(day))
        else:
            self._ledger.recut(pieces, lowered(pieces, self._clock()))

    def _unused(self, named: Named, scope: Scope) -> Budget:
        return self._seeds().opened(scope, self._today(), named.key_id)

    def _today(self) -> str:
        return f"{utc(self._clock()):%Y-%m-%d}"


def _name(budget: Budget) -> str:
    return budget.name
